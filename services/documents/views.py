"""Response bodies."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from services.documents.rules.contents import heading_of
from services.documents.rules.series import issuing_day
from services.documents.state import (
    Document,
    EInvoiceFormat,
    Language,
    Letterhead,
    Nature,
    Office,
    Paper,
    Render,
    SavedSettings,
    Seller,
    TaxCode,
)
from services.documents.state.issuing import MODED, Correction, Mode, Moded, SaidMode, Series, Start, Waiting
from shared.contracts.actor import Actor
from shared.contracts.events import DocumentKind, TaxRow
from shared.contracts.ids import DocumentId, OrderId, RefundId
from shared.web.settings_history import SavedView
from shared.web.views import ByView, MoneyView, View, money


class ExternalReferenceView(BaseModel):
    """A document of another system."""

    number: str
    issued_on: date


class DocumentTaxView(BaseModel):
    """The tax of one code and rate (per cent)."""

    tax_code: str | None
    tax_rate: str | None
    net: MoneyView
    tax: MoneyView
    gross: MoneyView


class EInvoiceLackView(BaseModel):
    """What a document lacks to be an e-invoice, as a code, and where to say it (a JSON pointer).

    `/seller` and `/tax_codes` are in the document settings; `/customer`, `/billing_address`, `/shipping_address`, `/lines`, `/shipping` and
    `/currency` in the order; `/taxes` in the document. The codes: `seller_vat_missing`, `buyer_missing`, `rate_missing`,
    `category_unknown`, `exemption_text_missing`, `buyer_vat_missing`, `tax_not_by_rate`, `currency_decimals`.
    """

    pointer: str
    code: str


class EInvoiceView(BaseModel):
    """Whether the PDF holds an e-invoice (Factur-X); if it is missing, because of what. At most 20 of each code are named."""

    status: Literal["embedded", "missing"]
    because: list[EInvoiceLackView]


class DocumentView(View):
    """An issued document. `sha256` is the hash of its data; `refers_to` is the document that it corrects, ours or another system's.

    `net` + `tax` = `total`, and `taxes` add up to it, but for what was paid too much, which has no tax; a receipt, which is about
    money, has neither. `paid` and `due` are as it says them: of the moment when it was issued, and null on a credit. `reason` is the
    customer's, by its code in the refund policy.

    `missing_glyphs`: characters that no font had when its picture was last made, such as `U+1F389`. They are printed as their codes,
    and the picture is made anew each time it is read until a font has them.

    `e_invoice` is null where the settings asked for none, and of what is no invoice or credit note.
    """

    document_id: DocumentId
    kind: DocumentKind
    number: str
    issued_on: date
    issued_at: datetime
    order_id: OrderId
    order_number: str
    customer_id: str
    total: MoneyView
    net: MoneyView | None
    tax: MoneyView | None
    taxes: list[DocumentTaxView]
    paid: MoneyView | None
    due: MoneyView | None
    nature: Nature | None
    reason: str
    refers_to: DocumentId | None
    refers_to_external: ExternalReferenceView | None
    sha256: str
    missing_glyphs: list[str]
    e_invoice: EInvoiceView | None

    @classmethod
    def of(cls, document: Document) -> "DocumentView":
        """As responses show it."""
        external = document.refers_to_external and ExternalReferenceView.model_validate(document.refers_to_external)
        said = heading_of(document.data)

        def shown(minor: int | None) -> MoneyView | None:
            return None if minor is None else money(minor, document.currency)

        return cls.showing(
            document,
            **{name: shown(getattr(said, name)) for name in ("net", "tax", "paid", "due")},
            total=money(document.total, document.currency),
            taxes=[_tax(row, document.currency) for row in said.taxes],
            nature=said.nature,
            reason=said.reason,
            refers_to_external=external,
            missing_glyphs=document.missing_glyphs or [],
            e_invoice=document.e_invoice and EInvoiceView.model_validate(document.e_invoice),
        )


def _tax(row: TaxRow, currency: str) -> DocumentTaxView:
    figures = {name: money(getattr(row, name), currency) for name in ("net", "tax", "gross")}
    return DocumentTaxView(tax_code=row.tax_code, tax_rate=row.tax_rate, **figures)


class OrderDocumentsView(View):
    """The documents of one order, in the order in which they were issued."""

    items: list[DocumentView]


class DocumentVerificationView(View):
    """Whether a document is unchanged since it was issued. `pdf_matches` is null until it has been rendered."""

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
    """One series of numbers. The report proves that none is missing: `missing` is empty."""

    kind: DocumentKind
    year: int
    prefix: str
    first: int
    last: int
    issued: int
    missing: list[int]
    gapless: bool

    @classmethod
    def of(cls, series: Series) -> "DocumentSeriesView":
        """As the report shows it."""
        return cls.showing(series, missing=list(series.missing))


class DocumentSeriesReport(View):
    """Every series of the store."""

    items: list[DocumentSeriesView]


class WaitingDocumentView(View):
    """A credit note that is issued once the order names the invoice that another system issued for it.

    Of a refund, or of the order's cancellation (`refund_id` is null). `since`: when that was decided.
    """

    cause: Literal["refund", "cancellation"]
    order_id: OrderId
    order_number: str
    refund_id: RefundId | None
    amount: MoneyView
    since: datetime

    @classmethod
    def of(cls, waiting: Waiting) -> "WaitingDocumentView":
        """As the list shows it."""
        refund_id = waiting.subject_id if waiting.cause == "refund" else None
        return cls.showing(waiting, refund_id=refund_id, amount=money(waiting.amount, waiting.currency))


class CorrectionView(View):
    """A corrected invoice: the credit note over all of it, and the invoice that stands now."""

    document_id: DocumentId
    reason: str
    corrected_at: datetime
    credit_note: DocumentView
    invoice: DocumentView

    @classmethod
    def of(cls, correction: Correction, credit_note: Document, invoice: Document) -> "CorrectionView":
        """As the response shows it."""
        return cls.showing(correction, credit_note=DocumentView.of(credit_note), invoice=DocumentView.of(invoice))


class IssueView(View):
    """Who issues a kind, as the settings say it; `from` is the store's day from which it applies, if they name one."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, populate_by_name=True)

    mode: Mode = "on"
    starts: date | None = Field(None, alias="from")


class ModeChangeView(View):
    """Who issues a kind from a moment on."""

    kind: Moded
    since: datetime
    mode: Mode


class LogoLimitsView(View):
    """The limits for a logo."""

    media_types: list[str]
    max_bytes: int
    max_side_pixels: int


class LetterheadView(View):
    """One version of the settings."""

    version: int
    seller: Seller
    footer: str
    terms: str
    language: Literal["auto"] | Language
    labels: dict[Language, dict[str, str]]
    paper: Paper
    render: Render
    prefixes: dict[str, str]
    tax_codes: dict[str, TaxCode]
    print_delivery_place: bool
    slip_shows_due: bool
    e_invoice: EInvoiceFormat
    issue: dict[Moded, IssueView]
    start: dict[DocumentKind, int]
    logo_sha256: str | None


class DocumentSettingsView(LetterheadView):
    """The document settings in force, and the time zone that dates documents.

    `start` is of this year's series. `modes` are the changes of who issues what, planned ones too, oldest first; before them, we do.
    """

    time_zone: str
    modes: list[ModeChangeView]

    @classmethod
    def of(cls, office: Office, *, now: datetime) -> "DocumentSettingsView":
        """From the store's settings."""
        own = {name: getattr(office, name) for name in ("version", "prefixes", "slip_shows_due", "time_zone")}
        year = issuing_day(now, office.time_zone).year
        start = {kind: one.first for kind, one in office.starts.items() if one.year == year}
        changes = [ModeChangeView.showing(one) for one in office.modes.changes]
        return cls.showing(office.letterhead, **own, issue=_issue(office.issue), start=start, modes=changes)


def _issue(said: Mapping[str, SaidMode]) -> dict[str, IssueView]:
    return {kind: IssueView.showing(said.get(kind, SaidMode())) for kind in MODED}


class DocumentSettingsVersionView(SavedView, LetterheadView):
    """A version of the settings, with who saved it and when."""

    @classmethod
    def of(cls, saved: SavedSettings, actor: Actor) -> Self:
        """As `actor` sees it. Raises ValueError where its letterhead is none."""
        letterhead = Letterhead.model_validate(saved.letterhead, strict=False)
        by = ByView.of_row(saved.saved_by, actor)
        own = {name: getattr(saved, name) for name in ("version", "prefixes", "slip_shows_due", "saved_at")}
        issue = _issue({kind: SaidMode.model_validate(one, strict=False) for kind, one in saved.issue.items()})
        start = {kind: Start.model_validate(one, strict=False).first for kind, one in saved.starts.items()}
        return cls.showing(letterhead, **own, issue=issue, start=start, saved_by=by)
