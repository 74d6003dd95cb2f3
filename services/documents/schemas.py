"""What the outside sees, and what it may send."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy.engine import Row

from services.documents.queries import Office
from services.documents.rules.contents import Letterhead, Seller, TaxNumber
from shared.contracts.events import DocumentKind
from shared.contracts.ids import DocumentId, OrderId
from shared.contracts.money import Money
from shared.web.inputs import Input, example
from shared.web.views import View

Line = Annotated[str, Field(max_length=200)]
Prefix = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,9}$", description="One to ten capital letters and digits.")]
SampleKind = Literal["invoice", "credit_note", "receipt", "refund_receipt", "order_receipt", "packing_slip"]


class AmountView(View):
    """An amount: minor units for machines, decimal for people."""

    amount: int
    currency: str
    decimal: str

    @classmethod
    def of(cls, minor: int, currency: str) -> "AmountView":
        """Minor units of a currency."""
        return cls(amount=minor, currency=currency, decimal=Money(minor, currency).decimal)


class DocumentView(View):
    """An issued document. `sha256` is of its data; `refers_to` is what it corrects."""

    document_id: DocumentId
    kind: DocumentKind
    number: str
    issued_on: date
    issued_at: datetime
    order_id: OrderId
    order_number: str
    customer_id: str
    total: AmountView
    refers_to: DocumentId | None
    sha256: str

    @classmethod
    def of(cls, row: Row[Any]) -> "DocumentView":
        """From a row of `documents`."""
        return cls(
            document_id=row.document_id,
            kind=row.kind,
            number=row.number,
            issued_on=row.issued_on,
            issued_at=row.issued_at,
            order_id=row.order_id,
            order_number=row.order_number,
            customer_id=row.customer_id,
            total=AmountView.of(row.total, row.currency),
            refers_to=row.refers_to,
            sha256=row.sha256,
        )


class OrderDocumentsView(View):
    """The documents of one order, in the order of issuing."""

    items: list[DocumentView]


class VerificationView(View):
    """Whether a document is as it was issued. `pdf_matches` is null while nobody has rendered it."""

    document_id: DocumentId
    number: str
    sha256: str
    computed_sha256: str
    data_matches: bool
    pdf_sha256: str | None
    pdf_matches: bool | None
    engine: str | None
    verified: bool


class SeriesView(View):
    """One series of numbers; `missing` is empty, and this report is the proof."""

    kind: DocumentKind
    year: int
    prefix: str
    last: int
    issued: int
    missing: list[int]
    gapless: bool


class SeriesReport(View):
    """Every series of the store."""

    items: list[SeriesView]


class TaxNumberInput(Input):
    """A registration of the seller, as it wants it printed."""

    label: str = Field(max_length=40)
    number: str = Field(max_length=60)


class SellerInput(Input):
    """Who sells."""

    name: str = Field("", max_length=120)
    address: list[Line] = Field(default=[], max_length=6)
    phone: str = Field("", max_length=40)
    email: str = Field("", max_length=120)
    website: str = Field("", max_length=120)
    tax_numbers: list[TaxNumberInput] = Field(default=[], max_length=5)


class PrefixesInput(Input):
    """The names of the series; a series that has begun keeps its name until the year ends."""

    invoice: Prefix = "INV"
    receipt: Prefix = "RCT"
    cancelling_receipt: Prefix = "CRC"
    credit_note: Prefix = "CRN"
    refund_receipt: Prefix = "RFR"


class SettingsInput(Input):
    """Document settings, whole: what is left out goes back to its default. The logo has a call of its own."""

    model_config = example(
        {
            "seller": {"name": "Shapla Books", "address": ["House 1, Road 2", "Dhaka 1205"]},
            "footer": "Thank you",
            "language": "auto",
            "paper": "a4",
        }
    )

    seller: SellerInput = SellerInput()
    footer: str = Field("", max_length=500, description="Printed at the foot of every page.")
    terms: str = Field("", max_length=4_000, description="Printed at the end of invoices.")
    language: Literal["auto", "en", "bn"] = Field("auto", description="`auto`: the order's own language.")
    paper: Literal["a4", "letter"] = "a4"
    prefixes: PrefixesInput = PrefixesInput()

    def letterhead(self) -> Letterhead:
        """As the letterhead that documents carry."""
        seller = self.seller
        taxes = tuple(TaxNumber(label=one.label, number=one.number) for one in seller.tax_numbers)
        parts = seller.model_dump() | {"address": tuple(seller.address), "tax_numbers": taxes}
        return Letterhead(seller=Seller(**parts), footer=self.footer, terms=self.terms, language=self.language, paper=self.paper)


class LogoLimitsView(View):
    """What a logo may be."""

    media_types: list[str]
    max_bytes: int
    max_side_pixels: int


class SettingsView(View):
    """Document settings as they are, with their version."""

    version: int
    seller: Seller
    footer: str
    terms: str
    language: Literal["auto", "en", "bn"]
    paper: Literal["a4", "letter"]
    prefixes: dict[str, str]
    logo_sha256: str | None
    time_zone: str

    @classmethod
    def of(cls, office: Office) -> "SettingsView":
        """From the store's settings."""
        letterhead = office.letterhead
        return cls(
            version=office.version,
            seller=letterhead.seller,
            footer=letterhead.footer,
            terms=letterhead.terms,
            language=letterhead.language,
            paper=letterhead.paper,
            prefixes=office.prefixes,
            logo_sha256=letterhead.logo_sha256,
            time_zone=office.time_zone,
        )
