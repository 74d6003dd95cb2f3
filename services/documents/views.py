"""What callers see."""

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy.engine import Row

from services.documents.state import Office, Seller
from shared.contracts.events import DocumentKind
from shared.contracts.ids import DocumentId, OrderId
from shared.contracts.money import Money
from shared.web.views import View


class MoneyView(View):
    """An amount: minor units for machines, decimal for people."""

    amount: int
    currency: str
    decimal: str

    @classmethod
    def of(cls, minor: int, currency: str) -> "MoneyView":
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
    total: MoneyView
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
            total=MoneyView.of(row.total, row.currency),
            refers_to=row.refers_to,
            sha256=row.sha256,
        )


class OrderDocumentsView(View):
    """The documents of one order, in the order of issuing."""

    items: list[DocumentView]


class DocumentVerificationView(View):
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


class DocumentSeriesView(View):
    """One series of numbers; `missing` is empty, and this report is the proof."""

    kind: DocumentKind
    year: int
    prefix: str
    last: int
    issued: int
    missing: list[int]
    gapless: bool


class DocumentSeriesReport(View):
    """Every series of the store."""

    items: list[DocumentSeriesView]


class LogoLimitsView(View):
    """What a logo may be."""

    media_types: list[str]
    max_bytes: int
    max_side_pixels: int


class DocumentSettingsView(View):
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
    def of(cls, office: Office) -> "DocumentSettingsView":
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
