"""Request bodies. Unknown fields and other types are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.refunds.state import AdjustmentKind, Cause, Settlement, ShippingChoice, Status
from shared.contracts.events import MAX_LINE_NUMBER, MAX_ORDER_LINES
from shared.contracts.ids import AttachmentId, OrderId, PaymentId
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.web.exports import FileQuery
from shared.web.figures import Currency
from shared.web.inputs import Composed, CustomerId, Input, Method, Moment, Plan, Reference, Text, example
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit

MAX_QUANTITY = 1_000_000
MAX_ATTACHMENTS = 5
MAX_UPLOAD_BODY_BYTES = 21_000_000  # settings can lower it: see attachment_max_bytes
MAX_LINES_BODY_BYTES = 400_000  # fits every line of the longest order, named twice
MAX_WINDOW_DAYS = 3_650
MAX_FEES = 5
MAX_REASONS = 50

Sentence = Annotated[str, Text(1_000, min_characters=1)]
Message = Annotated[str, Text(5_000)]
ReasonWord = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
LineNumber = Annotated[int, Field(ge=1, le=MAX_LINE_NUMBER)]
OrderVersion = Annotated[
    int | None, Field(ge=1, lt=2**31, description="The order's version that the caller has seen; refused until it has arrived here")
]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR_UNITS)]
Payout = Annotated[
    int | None,
    Field(
        ge=0,
        le=MAX_AMOUNT_MINOR_UNITS,
        description="What should go back, in minor units; refused if it is another amount. 0 credits without paying",
    ),
]


class WantedLine(Input):
    """Units of one line."""

    line: LineNumber
    quantity: Quantity


class PayTo(Input):
    """Where the money goes: an account of the customer's. Personal: it is in no event, and in lists only its last 4 characters."""

    model_config = example({"method": "bkash", "account": "01712345678", "holder": "Rahima Khatun"})

    method: Annotated[str, Composed, Text(50, min_characters=1)]
    account: Annotated[str, Composed, Text(100, min_characters=1)]
    holder: Annotated[str, Composed, Text(100)] = ""


class SavePayTo(Input):
    """The account that the money of a refund, or of what is cancelled, goes to; null removes it."""

    model_config = example({"pay_to": {"method": "bkash", "account": "01712345678", "holder": "Rahima Khatun"}})

    pay_to: PayTo | None


class PreviewRefund(Input):
    """What a request would name; a preview may leave out the reason."""

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
    reason: ReasonWord | None = None
    description: Message = ""
    further_information: Message = ""
    attachments: Annotated[list[AttachmentId], Field(max_length=MAX_ATTACHMENTS)] = Field(default_factory=list)
    pay_to: PayTo | None = None
    beyond_window_reason: Annotated[str, Text(1_000)] = ""
    order_version: OrderVersion = None

    @property
    def numbers(self) -> list[int]:
        """The numbers of the wanted lines."""
        return [one.line for one in self.lines]


class RequestRefund(PreviewRefund):
    """A refund request. Files are uploaded first; `beyond_window_reason` lets staff exceed the store's window."""

    reason: ReasonWord


class LineToApprove(WantedLine):
    """Units of one line, and what happens to the goods; without a disposition, the store's policy decides."""

    disposition: Literal["restock", "inspect", "discard"] | None = None


class FeeInput(Input):
    """A named part of the value, in minor units, that is not credited."""

    name: Annotated[str, Text(60, min_characters=1), Composed]
    amount: Amount


class ApproveRefund(Input):
    """Without `lines`, the whole request is approved; with them, exactly these units, and the others are freed.

    `fees` are kept of the credit. `shipping` keeps or credits the units' shipping whatever the policy says, with a reason for the shop.
    """

    model_config = example({"lines": [{"line": 1, "quantity": 1, "disposition": "inspect"}], "message": "The money is on its way."})

    lines: Annotated[list[LineToApprove], Field(min_length=1, max_length=MAX_ORDER_LINES)] | None = None
    fees: Annotated[list[FeeInput], Field(max_length=MAX_FEES)] = Field(default_factory=list)
    shipping: ShippingChoice = "policy"
    shipping_reason: Annotated[str, Text(1_000)] = ""
    payout: Payout = None
    message: Message = ""
    order_version: OrderVersion = None

    @model_validator(mode="after")
    def _another_shipping_has_a_reason(self) -> "ApproveRefund":
        if (self.shipping == "policy") is bool(self.shipping_reason):
            raise ValueError("give shipping_reason where shipping is keep or refund, and only there")
        return self


class AdjustRefund(Input):
    """Money without units: a goodwill on one line or on the whole order, some of the shipping, or what was paid too much.

    `amount` is what is credited; of `overpaid`, what goes back. `reason` is a word of the shop's own.
    """

    model_config = example(
        {"order_id": "order_01jd3t0v5we1q9h6m7b3k2x4ya", "kind": "goodwill", "line": 1, "amount": 1000, "reason": "late", "payout": 1000}
    )

    order_id: OrderId
    kind: AdjustmentKind
    line: LineNumber | None = Field(default=None, description="Only of a goodwill; without it, spread over all that is left of the order")
    amount: Amount
    reason: ReasonWord | None = Field(default=None, description="Defaults to the kind")
    message: Message = ""
    payout: Payout = None
    pay_to: PayTo | None = None
    order_version: OrderVersion = None

    @model_validator(mode="after")
    def _only_a_goodwill_is_on_a_line(self) -> "AdjustRefund":
        if self.line is not None and self.kind != "goodwill":
            raise ValueError("only a goodwill can be on one line")
        return self


class DeclineRefund(Input):
    """The internal reason is only for staff; the message is for the customer."""

    model_config = example({"internal_reason": "worn", "message": "We cannot take worn goods back."})

    internal_reason: Sentence
    message: Message = ""


class ReportSettlement(Input):
    """One attempt to move the money, or a part of it, with the provider's own reference."""

    model_config = example({"outcome": "succeeded", "reference": "re_1Nq", "method": "card", "amount": 3000})

    outcome: Literal["succeeded", "failed"]
    reference: Reference
    method: Method
    amount: Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR_UNITS)] | None = Field(
        default=None, description="The part that was to be moved, in minor units; defaults to all that is left"
    )
    payment_id: PaymentId | None = Field(default=None, description="The payment of the order that the money goes back to")
    reason: Annotated[str, Text(1_000)] = ""


class LineInspected(WantedLine):
    """Units of one line that were inspected, and where they go."""

    disposition: Literal["restock", "discard"]


class InspectGoods(Input):
    """The decision on inspected goods; a line may be named twice, once for each disposition."""

    model_config = example({"lines": [{"line": 1, "quantity": 1, "disposition": "restock"}]})

    lines: Annotated[list[LineInspected], Field(min_length=1, max_length=2 * MAX_ORDER_LINES)]


class RefundPolicyInput(Input):
    """All settings of the next version."""

    model_config = example({"manage_stock": True, "attachments": True, "deduct_shipping": False, "window_days": 14})

    manage_stock: bool
    attachments: bool
    deduct_shipping: bool
    window_days: Annotated[int, Field(ge=0, le=MAX_WINDOW_DAYS)] | None = None
    reasons: Annotated[tuple[ReasonWord, ...], Field(min_length=1, max_length=MAX_REASONS, strict=False)] | None = Field(
        default=None, description="The reasons that customers choose from; defaults to the standard ones"
    )
    overdue_after_hours: Annotated[int, Field(ge=1, le=24 * 365)] = 48
    valid_from: Plan | None = Field(default=None, description="When it takes effect; defaults to the moment of saving")


class CloseAttention(Input):
    """A note of what the person found."""

    model_config = example({"note": "The provider had answered twice; only one payment went out."})

    note: Sentence


class RefundFilter(BaseModel):
    """The filter; unknown parameters are refused, so that a typo does not return everything."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    settlement: Settlement | None = None
    cause: Cause | None = None
    order_id: OrderId | None = None
    order_number: Annotated[str | None, Field(max_length=64)] = None
    customer_id: CustomerId | None = None
    requested_from: Annotated[Moment | None, Field(alias="requested_at.gte")] = None
    requested_before: Annotated[Moment | None, Field(alias="requested_at.lt")] = None
    overdue: bool = Field(default=False, description="Only open refunds that should have been decided by now")
    q: Annotated[str | None, Field(max_length=128, description="An order number, a customer's id, or the beginning of a number")] = None


class RefundList(RefundFilter):
    """The filter, and which page."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor = None


class RefundExport(RefundFilter, FileQuery):
    """The filter, and the file format."""


class RefundJournalQuery(FileQuery):
    """The filter of the journal, and the file format."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)

    occurred_from: Annotated[Moment | None, Field(alias="occurred_at.gte")] = None
    occurred_before: Annotated[Moment | None, Field(alias="occurred_at.lt")] = None
    currency: Currency = None
    method: Annotated[Method | None, Field(description="By which the money went back, in any case")] = None
