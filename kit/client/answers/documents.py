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
    last: int
    issued: int
    missing: list[int]
    gapless: bool


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


class ExternalReferenceView(Answer):
    """A document of another system."""

    number: str
    issued_on: date


class DocumentSeriesReport(Answer):
    """Every series of the store."""

    items: list[DocumentSeriesView]


class DocumentView(Answer):
    """An issued document. `sha256` is the hash of its data; `refers_to` is the document that it corrects, ours or another system's."""

    document_id: str
    kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"] | str
    number: str
    issued_on: date
    issued_at: datetime
    order_id: str
    order_number: str
    customer_id: str
    total: MoneyView
    refers_to: str | None
    refers_to_external: ExternalReferenceView | None
    sha256: str


class DocumentPage(Answer):
    """A page of `DocumentView`."""

    items: list[DocumentView]
    next_cursor: str | None
    previous_cursor: str | None = None


class OrderDocumentsView(Answer):
    """The documents of one order, in the order in which they were issued."""

    items: list[DocumentView]
