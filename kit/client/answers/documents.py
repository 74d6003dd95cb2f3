"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import date, datetime
from typing import Literal

from kit.client.answer import Answer
from kit.client.answers.shared import MoneyView


class DocumentSeriesView(Answer):
    """One series of numbers. The report proves that none is missing: `missing` is empty."""

    kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"] | str
    year: int
    prefix: str
    first: int
    last: int
    issued: int
    missing: list[int]
    gapless: bool


class DocumentTaxView(Answer):
    """The tax of one code and rate (per cent)."""

    tax_code: str | None
    tax_rate: str | None
    net: MoneyView
    tax: MoneyView
    gross: MoneyView


class DocumentVerificationView(Answer):
    """Whether a document is unchanged since it was issued. `pdf_matches` is null until it has been rendered."""

    document_id: str
    number: str
    sha256: str
    computed_sha256: str
    data_matches: bool
    pdf_sha256: str | None
    pdf_matches: bool | None
    engine: str | None
    verified: bool


class EInvoiceLackView(Answer):
    """What a document lacks to be an e-invoice, as a code, and where to say it (a JSON pointer).

    `/seller` and `/tax_codes` are in the document settings; `/customer`, `/billing_address`, `/shipping_address`, `/lines`, `/shipping`
    and `/currency` in the order; `/taxes` in the document. The codes: `seller_vat_missing`, `buyer_missing`, `rate_missing`,
    `category_unknown`, `exemption_text_missing`, `buyer_vat_missing`, `tax_not_by_rate`, `currency_decimals`.
    """

    pointer: str
    code: str


class ExternalReferenceView(Answer):
    """A document of another system."""

    number: str
    issued_on: date


class WaitingDocumentView(Answer):
    """A credit note that is issued once the order names the invoice that another system issued for it.

    Of a refund, or of the order's cancellation (`refund_id` is null). `since`: when that was decided.
    """

    cause: Literal["refund", "cancellation"] | str
    order_id: str
    order_number: str
    refund_id: str | None
    amount: MoneyView
    since: datetime


class DocumentSeriesReport(Answer):
    """Every series of the store."""

    items: list[DocumentSeriesView]


class EInvoiceView(Answer):
    """Whether the PDF holds an e-invoice (Factur-X); if it is missing, because of what. At most 20 of each code are named."""

    status: Literal["embedded", "missing"] | str
    because: list[EInvoiceLackView]


class WaitingDocumentPage(Answer):
    """A page of `WaitingDocumentView`."""

    items: list[WaitingDocumentView]
    next_cursor: str | None
    previous_cursor: str | None = None


class DocumentView(Answer):
    """An issued document. `sha256` is the hash of its data; `refers_to` is the document that it corrects, ours or another system's.

    `net` + `tax` = `total`, and `taxes` add up to it, but for what was paid too much, which has no tax; a receipt, which is about money,
    has neither. `paid` and `due` are as it says them: of the moment when it was issued, and null on a credit. `reason` is the
    customer's, by its code in the refund policy.

    `missing_glyphs`: characters that no font had when its picture was last made, such as `U+1F389`. They are printed as their codes, and
    the picture is made anew each time it is read until a font has them.

    `e_invoice` is null where the settings asked for none, and of what is no invoice or credit note.
    """

    document_id: str
    kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"] | str
    number: str
    issued_on: date
    issued_at: datetime
    order_id: str
    order_number: str
    customer_id: str
    total: MoneyView
    net: MoneyView | None
    tax: MoneyView | None
    taxes: list[DocumentTaxView]
    paid: MoneyView | None
    due: MoneyView | None
    nature: Literal["return", "goodwill", "shipping", "part_cancellation", "cancellation", "correction", "overpaid"] | str | None
    reason: str
    refers_to: str | None
    refers_to_external: ExternalReferenceView | None
    sha256: str
    missing_glyphs: list[str]
    e_invoice: EInvoiceView | None


class CorrectionView(Answer):
    """A corrected invoice: the credit note over all of it, and the invoice that stands now."""

    document_id: str
    reason: str
    corrected_at: datetime
    credit_note: DocumentView
    invoice: DocumentView


class DocumentPage(Answer):
    """A page of `DocumentView`."""

    items: list[DocumentView]
    next_cursor: str | None
    previous_cursor: str | None = None


class OrderDocumentsView(Answer):
    """The documents of one order, in the order in which they were issued."""

    items: list[DocumentView]
