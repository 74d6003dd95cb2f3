"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from kit.client.answer import Answer
from kit.client.answers.shared import ByView


class LogoLimitsView(Answer):
    """The limits for a logo."""

    media_types: list[str]
    max_bytes: int
    max_side_pixels: int


class TaxNumber(Answer):
    """One of the seller's registrations, as printed: `BIN 000123456-0101`."""

    label: str
    number: str


class Seller(Answer):
    """The seller, printed at the head of every document."""

    name: str = ""
    address: list[str] = Field(default_factory=list)
    phone: str = ""
    email: str = ""
    website: str = ""
    tax_numbers: list[TaxNumber] = Field(default_factory=list)


class DocumentSettingsVersionView(Answer):
    """A version of the settings, with who saved it and when."""

    version: int
    seller: Seller
    footer: str
    terms: str
    language: Literal["auto", "en", "bn"] | str
    paper: Literal["a4", "letter"] | str
    prefixes: dict[str, str]
    slip_shows_due: bool
    logo_sha256: str | None
    saved_at: datetime
    saved_by: ByView


class DocumentSettingsView(Answer):
    """The document settings in force, and the time zone that dates documents."""

    version: int
    seller: Seller
    footer: str
    terms: str
    language: Literal["auto", "en", "bn"] | str
    paper: Literal["a4", "letter"] | str
    prefixes: dict[str, str]
    slip_shows_due: bool
    logo_sha256: str | None
    time_zone: str


class DocumentSettingsVersionPage(Answer):
    """A page of `DocumentSettingsVersionView`."""

    items: list[DocumentSettingsVersionView]
    next_cursor: str | None
    previous_cursor: str | None = None
