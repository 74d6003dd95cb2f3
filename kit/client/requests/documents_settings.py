"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, NotRequired, TypedDict

IssueInput = TypedDict(
    "IssueInput",
    {
        "mode": NotRequired[Literal["on", "off", "elsewhere"]],
        "from": NotRequired[date | None],
    },
)
"""Who issues documents of a kind: we do (`on`), nobody does (`off`), or another system does (`elsewhere`)."""


class PrefixesInput(TypedDict):
    """The names of the series; a series that has begun keeps its name until the year ends."""

    invoice: NotRequired[str]
    """One to ten capital letters and digits."""
    receipt: NotRequired[str]
    """One to ten capital letters and digits."""
    cancelling_receipt: NotRequired[str]
    """One to ten capital letters and digits."""
    credit_note: NotRequired[str]
    """One to ten capital letters and digits."""
    refund_receipt: NotRequired[str]
    """One to ten capital letters and digits."""


class TaxNumberInput(TypedDict):
    """A registration of the seller, as printed."""

    label: str
    number: str
    scheme: NotRequired[Literal["VA", "FC"] | None]
    """Which one it is, for e-invoices: `VA` the VAT number, with its country (`DE123456789`); `FC` that of a tax office."""


class TaxPartInput(TypedDict):
    """One of the taxes that a code's tax is printed as, such as CGST and SGST."""

    label: str
    weight: int
    """Its share among the parts of the code's tax."""


class IssuesInput(TypedDict):
    """Who issues which documents. What happened before a change is never issued, or taken back, because of it."""

    invoice: NotRequired[IssueInput]
    receipt: NotRequired[IssueInput]
    """A cancelling receipt follows its receipt."""
    credit_note: NotRequired[IssueInput]
    refund_receipt: NotRequired[IssueInput]


class SellerInput(TypedDict):
    """The seller."""

    name: NotRequired[str]
    address: NotRequired[Sequence[str]]
    phone: NotRequired[str]
    email: NotRequired[str]
    website: NotRequired[str]
    tax_numbers: NotRequired[Sequence[TaxNumberInput]]
    country_code: NotRequired[str]
    """ISO 3166-1, for e-invoices; what is printed of the address stands in `address`."""


class TaxCodeInput(TypedDict):
    """How documents print a code of tax."""

    label: NotRequired[str]
    """Printed before the rate; else the code."""
    category: NotRequired[Literal["S", "Z", "E", "AE", "K", "G", "O", "L", "M"]]
    """As e-invoices name it (UNTDID 5305)."""
    note: NotRequired[str]
    """Why no tax is charged, or who owes it: printed once per document that has the code."""
    split: NotRequired[Sequence[TaxPartInput]]
    """Prints the tax as several that add up to it."""


class DocumentSettingsInput(TypedDict):
    """Complete document settings: omitted fields return to their defaults. The logo has its own call."""

    seller: NotRequired[SellerInput]
    footer: NotRequired[str]
    """Printed at the foot of every page."""
    terms: NotRequired[str]
    """Printed at the end of invoices."""
    language: NotRequired[Literal["auto"] | Literal["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "pl", "pt", "tr"]]
    """`auto`: the order's own language, if it is one of these, else `en`."""
    labels: NotRequired[Mapping[str, Mapping[str, str]]]
    """The store's own words, by language and key; `{…}` in the original stays in them."""
    paper: NotRequired[Literal["a4", "letter", "a5", "roll80", "roll58"]]
    """Default of every print. Receipts are printed on `roll80` where this is a page."""
    render: NotRequired[Literal["on_read", "ahead"]]
    """A new document's picture is made when it is first read, or soon after it is issued."""
    prefixes: NotRequired[PrefixesInput]
    tax_codes: NotRequired[Mapping[str, TaxCodeInput]]
    """How the tax codes of orders are printed, by code."""
    print_delivery_place: NotRequired[bool]
    """Invoices say where the goods go: the shipping address as at confirmation, also if it is corrected later."""
    e_invoice: NotRequired[Literal["off", "factur-x"]]
    """`factur-x`: invoices and credit notes issued from now on hold an e-invoice (EN 16931) in their PDF, where nothing that it needs is
    missing.
    """
    issue: NotRequired[IssuesInput]
    """Which documents are issued here, from when on."""
    start: NotRequired[Mapping[str, int]]
    """The first number of this year's series, while it is unused; otherwise 1."""
    slip_shows_due: NotRequired[bool]
    """Packing and collection slips say, large, how much cash is to be collected."""
