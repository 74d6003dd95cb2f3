"""What a platform says of an order of the past: how far it got, when, and what was issued and refunded before."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.orders.requests.words import Amount
from shared.contracts.events import MAX_LINE_NUMBER, MAX_ORDER_LINES, DocumentKind, ExternalDocument
from shared.contracts.lifecycle import Step
from shared.web.inputs import Day, Fact, Input, Text

MAX_DOCUMENTS_AT_ONCE = 20


class ExternalDocumentInput(Input):
    """A document that another system issued for the order."""

    kind: DocumentKind
    number: Annotated[str, Text(100, min_characters=1)]
    issued_on: Day

    def parts(self, version: int) -> ExternalDocument:
        """As stored in events and columns, with the version of the order that names it."""
        return ExternalDocument(order_version=version, **self.model_dump())


ExternalDocuments = Annotated[list[ExternalDocumentInput], Field(max_length=MAX_DOCUMENTS_AT_ONCE)]


class CancelledBeforeInput(Input):
    """The cancellation of an order of the past."""

    cancelled_from: Literal["pending", "confirmed", "picked_up", "shipped"] = Field(alias="from", description="The status before it")
    at: Fact
    reason: Annotated[str, Text(500)] = ""
    by: Literal["customer", "staff", "platform"] = "platform"


class RefundedLineInput(Input):
    """Units of a line that had come back, and the money that had gone back for the line; either may be 0."""

    line: Annotated[int, Field(ge=1, le=MAX_LINE_NUMBER)]
    quantity: Annotated[int, Field(ge=0, le=1_000_000)]
    amount: Amount


class RefundedBeforeInput(Input):
    """All that had been refunded of an order of the past, and was settled then."""

    lines: Annotated[list[RefundedLineInput], Field(max_length=MAX_ORDER_LINES)] = Field(default_factory=list)
    shipping: Amount = 0

    @model_validator(mode="after")
    def _says_something(self) -> "RefundedBeforeInput":
        if not (self.shipping or self.lines) or any(not one.quantity and not one.amount for one in self.lines):
            raise ValueError("say what was refunded, each line with its units or its money, or leave it out")
        return self


class HistoryInput(Input):
    """The past of an order that is imported: its status, with the date of every step that it took."""

    status: Step | Literal["cancelled"]
    confirmed_at: Fact | None = None
    picked_up_at: Fact | None = None
    shipped_at: Fact | None = None
    delivered_at: Fact | None = None
    documents: ExternalDocuments = Field(default_factory=list)
    cancelled: CancelledBeforeInput | None = Field(default=None, description="Of an order with the status `cancelled`")
    refunded: RefundedBeforeInput | None = None
