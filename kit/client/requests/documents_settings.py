"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict


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


class SellerInput(TypedDict):
    """The seller."""

    name: NotRequired[str]
    address: NotRequired[Sequence[str]]
    phone: NotRequired[str]
    email: NotRequired[str]
    website: NotRequired[str]
    tax_numbers: NotRequired[Sequence[TaxNumberInput]]


class DocumentSettingsInput(TypedDict):
    """Complete document settings: omitted fields return to their defaults. The logo has its own call."""

    seller: NotRequired[SellerInput]
    footer: NotRequired[str]
    """Printed at the foot of every page."""
    terms: NotRequired[str]
    """Printed at the end of invoices."""
    language: NotRequired[Literal["auto", "en", "bn"]]
    """`auto`: the order's own language."""
    paper: NotRequired[Literal["a4", "letter"]]
    prefixes: NotRequired[PrefixesInput]
    slip_shows_due: NotRequired[bool]
    """Packing and collection slips say, large, how much cash is to be collected."""
