"""The data types of the commands and rules: our copies, the store's settings, and the contents of a document.

Contents are plain facts in minor units. Nothing here is formatted: words, digits and layout belong to rendering, so that the same
data can be printed in any language.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, get_args

from pydantic import Field

from services.documents.state.issuing import ALL_HERE, Modes, SaidMode, Start
from shared.contracts.events import (
    Address,
    ClosingKind,
    ClosingReason,
    DocumentKind,
    Fee,
    Option,
    Order,
    OrderPersonal,
    Part,
    Refund,
    RefundPersonal,
    TaxRegistration,
    TaxRow,
    written_unless,
)
from shared.contracts.ids import DocumentId, OrderId, PaymentId, RefundId

Language = Literal["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "pl", "pt", "tr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Paper = Literal["a4", "letter", "a5", "roll80", "roll58"]
PrintKind = Literal["order_receipt", "draft_invoice", "invoice_copy", "packing_slip", "collection_slip", "digital_slip", "refund_request"]
Button = Literal["receipt", "invoice", "packing-slip", "refund-request"]
Render = Literal["on_read", "ahead"]
SLIPS = frozenset({"packing_slip", "collection_slip", "digital_slip"})
"""What goes with the goods, for each fulfilment: without prices."""
Mark = Literal["unpaid", "part_paid", "paid", "draft", "sample"]
Nature = Literal["return", "goodwill", "shipping", "part_cancellation", "cancellation", "correction", "overpaid"]
"""What a credit note or a refund receipt is for."""
Category = Literal["S", "Z", "E", "AE", "K", "G", "O", "L", "M"]
"""Categories of tax as e-invoices name them (UNTDID 5305): S standard, Z zero, E exempt, AE reverse charge …"""


EInvoiceFormat = Literal["off", "factur-x"]


class TaxNumber(Part):
    """One of the seller's registrations, as printed: `BIN 000123456-0101`; `scheme` says which (`VA` for VAT, `FC` for a tax office's)."""

    label: str
    number: str
    scheme: str | None = written_unless(None)


class Seller(Part):
    """The seller, printed at the head of every document."""

    name: str = ""
    address: tuple[str, ...] = ()
    phone: str = ""
    email: str = ""
    website: str = ""
    tax_numbers: tuple[TaxNumber, ...] = ()
    country_code: str = written_unless("")  # not printed: the address says it


class TaxPart(Part):
    """One of the taxes that a code's tax is printed as; `weight` is its share among them."""

    label: str
    weight: int


class TaxCode(Part):
    """How documents print a code of tax: its name, why nothing is charged (once per document), and the taxes that it is split into."""

    label: str = ""
    category: Category = "S"
    note: str = ""
    split: tuple[TaxPart, ...] = ()


class Letterhead(Part):
    """What one version of a store's document settings puts on every document, and when its picture is made."""

    version: int = 0
    seller: Seller = Seller()
    footer: str = ""
    terms: str = ""
    language: Literal["auto"] | Language = "auto"  # auto: the order's own
    labels: dict[Language, dict[str, str]] = Field(default_factory=dict)  # the store's own words, by the keys of the catalogues
    paper: Paper = "a4"
    render: Render = "on_read"
    logo_sha256: str | None = None
    tax_codes: dict[str, TaxCode] = Field(default_factory=dict)
    print_delivery_place: bool = False  # on invoices
    e_invoice: EInvoiceFormat = "off"


def printed(letterhead: Letterhead, language: Language) -> dict[str, Any]:
    """The fields of a letterhead that every document in `language` carries, for its Contents. By name: a field that is missing here is
    never printed.
    """
    said = {name: getattr(letterhead, name) for name in ("paper", "seller", "footer", "terms", "logo_sha256")}
    return said | {"language": language, "labels": letterhead.labels.get(language, {})}


class DocumentReference(Part):
    """An earlier document that this one corrects or replaces."""

    document_id: DocumentId
    kind: DocumentKind
    number: str
    issued_on: date


class ExternalReference(Part):
    """A document of another system that this one corrects."""

    number: str
    issued_on: date


class Buyer(Part):
    """Who is billed, beside the billing address; `name` stands where there is none."""

    name: str = ""
    company: str = ""
    tax_numbers: tuple[TaxRegistration, ...] = ()
    reference: str = ""


class Terms(Part):
    """What an invoice and a packing slip say of an order beside its lines and figures."""

    shipping_method: str | None = None
    payment_method: str | None = None
    supplied_on: date | None = None
    payment_due_on: date | None = None
    place_of_supply: str | None = None


class SaidLine(Part):
    """A line as printed; amounts in minor units. `amount` includes tax, after discounts.

    Of a credit, `amount` is the full value of what came back, and `fee` what was kept of it; `tax` is that of the rest.
    """

    line: int
    sku: str
    name: str
    quantity: int
    unit_price: int | None = None
    discount: int = 0
    tax: int = 0
    amount: int
    options: tuple[Option, ...] = written_unless(())
    personalisation: str = written_unless("")  # on a slip
    tax_rate: str | None = written_unless(None)
    tax_code: str | None = written_unless(None)
    commodity_code: str | None = written_unless(None)
    fee: int = written_unless(0)


class SaidTax(TaxRow):
    """A row of a document's taxes. `rounding` is how much its tax is above net × rate: lines are rounded one by one."""

    rounding: int = written_unless(0)


class SaidTaxCode(TaxCode):
    """How a code is printed, as of the settings that the document was issued under."""

    code: str


class SaidPayment(Part):
    """A payment as printed; negative if it reverses another."""

    payment_id: PaymentId
    method: str
    reference: str
    amount: int
    paid_on: date
    receipt: str | None = None  # the number of its own receipt, if it has one


class SaidClosing(Part):
    """A difference that the shop let be, as printed."""

    kind: ClosingKind
    reason: ClosingReason
    amount: int


class SaidRequest(Part):
    """A refund request as printed: when it was received, by the store's clock, and what the customer said."""

    refund_id: RefundId
    received_at: datetime
    time_zone: str
    reason: str
    description: str = ""
    further_information: str = ""


class Contents(Part):
    """The complete contents of one document. For an issued document this is the record; the PDF is derived from it.

    Fields that came later are written only where they say something, so that what was sealed before them keeps its hash.
    Since version 2 a document has its taxes by code and rate, and says more: it is printed otherwise even where all fields are equal.
    """

    schema_version: int = 1
    document_id: DocumentId | None = None
    kind: DocumentKind | PrintKind
    number: str | None = None  # None for a print that is not a document
    issued_on: date
    cause: str = ""
    language: Language
    paper: Paper
    mark: Mark | None = None
    seller: Seller
    footer: str = ""
    terms: str = ""
    logo_sha256: str | None = None
    letterhead_version: int = 0
    order_id: OrderId
    order_number: str
    ordered_on: date
    customer_id: str
    address: Address | None = None  # billing; on a slip, shipping
    contact: str = ""
    currency: str
    prices_include_tax: bool = True
    lines: tuple[SaidLine, ...] = ()
    goods: int = 0
    shipping: int = 0
    overpaid: int = 0  # in a refund: the amount paid above the order's total that is returned
    tax: int = 0  # included in the amounts above
    discount: int = 0
    total: int
    paid: int | None = None
    balance: int | None = None
    payments: tuple[SaidPayment, ...] = ()
    refers_to: DocumentReference | None = None
    tracking: str = ""
    buyer: Buyer = written_unless(Buyer())
    order_terms: Terms = written_unless(Terms())
    note: str = written_unless("")  # the customer's, on a slip
    to_collect: int | None = written_unless(None)  # due when a slip was printed
    closings: tuple[SaidClosing, ...] = written_unless(())  # on an order receipt
    refers_to_external: ExternalReference | None = written_unless(None)
    labels: dict[str, str] = written_unless({})  # the store's own words in this language
    request: SaidRequest | None = written_unless(None)  # on the print of one
    issued_at: datetime | None = written_unless(None)  # in the store's time zone, as `ordered_at`
    ordered_at: datetime | None = written_unless(None)
    shipping_tax: int = written_unless(0)  # in the tax
    taxes: tuple[SaidTax, ...] = written_unless(())  # of the total; none on a receipt, which is not about a supply
    tax_codes: tuple[SaidTaxCode, ...] = written_unless(())  # those that the taxes name, and the settings explain
    fees: tuple[Fee, ...] = written_unless(())  # kept of the goods and the shipping above
    nature: Nature | None = written_unless(None)
    reason: str = written_unless("")  # a customer's, by its code in the refund policy
    country: str = written_unless("")  # shipping, or else billing, as of the invoice
    delivery: Address | None = written_unless(None)  # on an invoice, where the settings ask for it: shipping, as at confirmation
    e_invoice: EInvoiceFormat = written_unless("off")  # wanted when it was issued, of an invoice or a credit note; with that, the next two
    shipping_tax_rate: str | None = written_unless(None)
    shipping_tax_code: str | None = written_unless(None)

    @property
    def itemised(self) -> bool:
        """Whether it has its taxes by code and rate, and prints what came with them."""
        return self.schema_version >= 2


@dataclass(frozen=True, slots=True)
class Copy:
    """Our copy of an order; `order` is None while only a refund or an erasure of it has arrived."""

    order_id: str
    version: int
    erased: bool
    event_sequence: int
    order: Order | None
    personal: OrderPersonal | None


@dataclass(frozen=True, slots=True)
class Requested:
    """What was asked for, and in which words."""

    refund: Refund
    personal: RefundPersonal


@dataclass(frozen=True, slots=True)
class Office:
    """A store's current document settings."""

    version: int
    letterhead: Letterhead
    prefixes: dict[str, str]
    time_zone: str
    slip_shows_due: bool = True
    issue: dict[str, SaidMode] = field(default_factory=dict)  # as the settings in force say it
    modes: Modes = ALL_HERE
    starts: dict[str, Start] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedSettings:
    """A version of a store's document settings, with when it was saved and by whom.

    The letterhead is the raw stored JSON: an invalid one must fail only its own entry of a page, not the whole page.
    """

    version: int
    letterhead: dict[str, Any]
    prefixes: dict[str, str]
    slip_shows_due: bool
    issue: dict[str, Any]
    starts: dict[str, Any]
    saved_at: datetime
    saved_by: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """An issued document; `data` is the text that was hashed.

    `pdf_sha256` and `engine` are None before it is rendered, and in lists. `missing_glyphs`: see services/documents/rendering/fontbook.py.
    """

    store_id: str
    document_id: str
    order_id: str
    order_number: str
    customer_id: str
    kind: DocumentKind
    cause: str
    subject_id: str
    year: int
    counted: int
    number: str
    issued_on: date
    issued_at: datetime
    currency: str
    total: int
    refers_to: str | None
    refers_to_external: dict[str, Any] | None
    data: str
    sha256: str
    e_invoice: dict[str, Any] | None = None  # None: not wanted
    pdf_sha256: str | None = None
    engine: str | None = None
    missing_glyphs: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Unprinted:
    """An order that is not in the prints of many, and why: the name of the label that says it."""

    order_id: str
    why: Literal["order_missing", "print_failed"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter of a store's documents: days from `since` up to, not including, `until`, a kind, whether a glyph is missing, whether an
    e-invoice is, and whether either is.

    None means any.
    """

    since: date | None = None
    until: date | None = None
    kind: str | None = None
    provisional: bool | None = None
    e_invoice: Literal["embedded", "missing"] | None = None
    needs_attention: bool | None = None
