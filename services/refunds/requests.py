"""What callers send. Unknown fields and other types are refused."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.refunds.commands.decide import Approval, ApprovedLine
from services.refunds.commands.inspect import Inspected
from services.refunds.commands.policy import Settings
from services.refunds.commands.request import Request
from services.refunds.commands.settle import Report
from services.refunds.queries.refunds import Filter
from services.refunds.state import Cause, Settlement, Status
from shared.contracts.events import MAX_ORDER_LINES
from shared.contracts.ids import OrderId, uuid_of
from shared.web.exports import FileQuery
from shared.web.inputs import Input, Moment, Plan, example
from shared.web.pages import DEFAULT_LIMIT, MAX_LIMIT

MAX_QUANTITY = 1_000_000
MAX_ATTACHMENTS = 5
MAX_UPLOAD_BODY_BYTES = 21_000_000  # settings lower it: see attachment_max_bytes
MAX_LINES_BODY_BYTES = 400_000  # every line of the longest order, named twice
MAX_WINDOW_DAYS = 3_650
MAX_REASONS = 50


def _id(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        uuid_of(prefix, value)
        return value

    return AfterValidator(check)


AttachmentId = Annotated[str, _id("attachment")]
AttentionId = Annotated[str, _id("attention")]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
ReasonWord = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
LineNumber = Annotated[int, Field(ge=1, le=MAX_ORDER_LINES)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class WantedLine(Input):
    """Units of one line."""

    line: LineNumber
    quantity: Quantity


class RequestRefund(Input):
    """What a customer asks for. Files are uploaded first; `beyond_window_reason` is the staff's, to exceed the store's window."""

    model_config = example(
        {
            "order_id": "order_01jd3t0v5we1q9h6m7b3k2x4ya",
            "lines": [{"line": 1, "quantity": 1}],
            "reason": "damaged",
            "description": "A seam is open.",
        }
    )

    order_id: OrderId
    lines: Annotated[list[WantedLine], Field(min_length=1, max_length=MAX_ORDER_LINES)]
    reason: ReasonWord
    description: Text = ""
    further_information: Text = ""
    attachments: Annotated[list[AttachmentId], Field(max_length=MAX_ATTACHMENTS)] = Field(default_factory=list)
    beyond_window_reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)] = ""

    def wish(self) -> Request:
        """For the command."""
        return Request(
            order_id=self.order_id,
            lines=[(line.line, line.quantity) for line in self.lines],
            reason=self.reason,
            description=self.description,
            further_information=self.further_information,
            attachments=tuple(self.attachments),
            beyond_window_reason=self.beyond_window_reason,
        )


class LineToApprove(Input):
    """Units of one line, and what becomes of them; the store's policy decides where no disposition is given."""

    line: LineNumber
    quantity: Quantity
    disposition: Literal["restock", "inspect", "discard"] | None = None


class ApproveRefund(Input):
    """Without `lines` everything that was asked for; with them exactly these units, the others are freed."""

    model_config = example({"lines": [{"line": 1, "quantity": 1, "disposition": "inspect"}], "message": "The money is on its way."})

    lines: Annotated[list[LineToApprove], Field(min_length=1, max_length=MAX_ORDER_LINES)] | None = None
    message: Text = ""

    def approval(self) -> Approval:
        """For the command."""
        lines = None if self.lines is None else [ApprovedLine(line.line, line.quantity, line.disposition) for line in self.lines]
        return Approval(lines, self.message)


class DeclineRefund(Input):
    """The internal reason stays with the staff; the message is for the customer."""

    model_config = example({"internal_reason": "worn", "message": "We cannot take worn goods back."})

    internal_reason: Sentence
    message: Text = ""


class ReportSettlement(Input):
    """One attempt to move the money, with the provider's own reference."""

    model_config = example({"outcome": "succeeded", "reference": "re_1Nq", "method": "card"})

    outcome: Literal["succeeded", "failed"]
    reference: Word
    method: Word
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)] = ""

    def report(self) -> Report:
        """For the command."""
        return Report(self.outcome, self.reference, self.method, self.reason)


class LineInspected(Input):
    """Units of one line that were looked at."""

    line: LineNumber
    quantity: Quantity
    disposition: Literal["restock", "discard"]


class InspectGoods(Input):
    """What was decided; a line may be named twice, once for each disposition."""

    model_config = example({"lines": [{"line": 1, "quantity": 1, "disposition": "restock"}]})

    lines: Annotated[list[LineInspected], Field(min_length=1, max_length=2 * MAX_ORDER_LINES)]

    def decided(self) -> list[Inspected]:
        """For the command."""
        return [Inspected(line.line, line.quantity, line.disposition) for line in self.lines]


class RefundPolicyInput(Input):
    """All settings of the next version."""

    model_config = example({"manage_stock": True, "attachments": True, "deduct_shipping": False, "window_days": 14})

    manage_stock: bool
    attachments: bool
    deduct_shipping: bool
    window_days: Annotated[int, Field(ge=0, le=MAX_WINDOW_DAYS)] | None = None
    reasons: Annotated[tuple[ReasonWord, ...], Field(min_length=1, max_length=MAX_REASONS, strict=False)] | None = Field(
        default=None, description="The reasons that customers choose from; the standard ones where absent"
    )
    overdue_after_hours: Annotated[int, Field(ge=1, le=24 * 365)] = 48
    valid_from: Plan | None = Field(default=None, description="From when it applies; the moment of saving where absent")

    def settings(self, standard_reasons: tuple[str, ...]) -> Settings:
        """For the command."""
        return Settings(
            manage_stock=self.manage_stock,
            attachments=self.attachments,
            deduct_shipping=self.deduct_shipping,
            window_days=self.window_days,
            reasons=tuple(dict.fromkeys(self.reasons or standard_reasons)),
            overdue_after_hours=self.overdue_after_hours,
            valid_from=self.valid_from,
        )


class CloseAttention(Input):
    """What was found."""

    model_config = example({"note": "The provider had answered twice; only one payment went out."})

    note: Sentence


class RefundFilter(BaseModel):
    """Which refunds; unknown parameters are refused, so that a typo does not show everything."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    settlement: Settlement | None = None
    cause: Cause | None = None
    order_id: OrderId | None = None
    order_number: Annotated[str | None, Field(max_length=64)] = None
    customer_id: Annotated[str | None, Field(max_length=128)] = None
    requested_from: Moment | None = None
    requested_to: Moment | None = Field(default=None, description="Before this instant")
    overdue: bool = Field(default=False, description="Only open ones that should have been decided by now")
    q: Annotated[str | None, Field(max_length=128, description="An order number, a customer's id, or the beginning of a number")] = None

    def filter(self, now: datetime) -> Filter:
        """For the query."""
        same = ("status", "settlement", "cause", "order_id", "order_number", "customer_id", "requested_from", "requested_to")
        return Filter(**{name: getattr(self, name) for name in same}, overdue_at=now if self.overdue else None, search=self.q)


class RefundList(RefundFilter):
    """A page of them."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str | None, Field(max_length=512)] = None


class RefundExport(RefundFilter, FileQuery):
    """All of them, as a file."""
