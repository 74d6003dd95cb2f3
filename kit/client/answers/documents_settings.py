"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from kit.client.answer import Answer
from kit.client.answers.shared import ByView


class IssueView(Answer):
    """Who issues a kind, as the settings say it; `from` is the store's day from which it applies, if they name one."""

    mode: Literal["on", "off", "elsewhere"] | str = "on"
    from_: date | None = Field(default=None, alias="from")


class LogoLimitsView(Answer):
    """The limits for a logo."""

    media_types: list[str]
    max_bytes: int
    max_side_pixels: int


class ModeChangeView(Answer):
    """Who issues a kind from a moment on."""

    kind: Literal["invoice", "receipt", "credit_note", "refund_receipt"] | str
    since: datetime
    mode: Literal["on", "off", "elsewhere"] | str


class TaxNumber(Answer):
    """One of the seller's registrations, as printed: `BIN 000123456-0101`; `scheme` says which (`VA` for VAT, `FC` for a tax office's)."""

    label: str
    number: str
    scheme: str | None = None


class TaxPart(Answer):
    """One of the taxes that a code's tax is printed as; `weight` is its share among them."""

    label: str
    weight: int


class Seller(Answer):
    """The seller, printed at the head of every document."""

    name: str = ""
    address: list[str] = Field(default_factory=list)
    phone: str = ""
    email: str = ""
    website: str = ""
    tax_numbers: list[TaxNumber] = Field(default_factory=list)
    country_code: str = ""


class TaxCode(Answer):
    """How documents print a code of tax: its name, why nothing is charged (once per document), and the taxes that it is split into."""

    label: str = ""
    category: Literal["S", "Z", "E", "AE", "K", "G", "O", "L", "M"] | str = "S"
    note: str = ""
    split: list[TaxPart] = Field(default_factory=list)


class DocumentSettingsVersionView(Answer):
    """A version of the settings, with who saved it and when."""

    version: int
    seller: Seller
    footer: str
    terms: str
    language: Literal["auto"] | str | Literal["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "pl", "pt", "tr"]
    labels: dict[str, dict[str, str]]
    paper: Literal["a4", "letter", "a5", "roll80", "roll58"] | str
    render: Literal["on_read", "ahead"] | str
    prefixes: dict[str, str]
    tax_codes: dict[str, TaxCode]
    print_delivery_place: bool
    slip_shows_due: bool
    e_invoice: Literal["off", "factur-x"] | str
    issue: dict[str, IssueView]
    start: dict[str, int]
    logo_sha256: str | None
    saved_at: datetime
    saved_by: ByView


class DocumentSettingsView(Answer):
    """The document settings in force, and the time zone that dates documents.

    `start` is of this year's series. `modes` are the changes of who issues what, planned ones too, oldest first; before them, we do.
    """

    version: int
    seller: Seller
    footer: str
    terms: str
    language: Literal["auto"] | str | Literal["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "pl", "pt", "tr"]
    labels: dict[str, dict[str, str]]
    paper: Literal["a4", "letter", "a5", "roll80", "roll58"] | str
    render: Literal["on_read", "ahead"] | str
    prefixes: dict[str, str]
    tax_codes: dict[str, TaxCode]
    print_delivery_place: bool
    slip_shows_due: bool
    e_invoice: Literal["off", "factur-x"] | str
    issue: dict[str, IssueView]
    start: dict[str, int]
    logo_sha256: str | None
    time_zone: str
    modes: list[ModeChangeView]


class DocumentSettingsVersionPage(Answer):
    """A page of `DocumentSettingsVersionView`."""

    items: list[DocumentSettingsVersionView]
    next_cursor: str | None
    previous_cursor: str | None = None
