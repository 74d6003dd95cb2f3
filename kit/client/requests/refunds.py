"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict


class CloseAttention(TypedDict):
    """A note of what the person found."""

    note: str


class DeclineRefund(TypedDict):
    """The internal reason is only for staff; the message is for the customer."""

    internal_reason: str
    message: NotRequired[str]


class FeeInput(TypedDict):
    """A named part of the value, in minor units, that is not credited."""

    name: str
    amount: int


class LineInspected(TypedDict):
    """Units of one line that were inspected, and where they go."""

    line: int
    quantity: int
    disposition: Literal["restock", "discard"]


class LineToApprove(TypedDict):
    """Units of one line, and what happens to the goods; without a disposition, the store's policy decides."""

    line: int
    quantity: int
    disposition: NotRequired[Literal["restock", "inspect", "discard"] | None]


class PayTo(TypedDict):
    """Where the money goes: an account of the customer's. Personal: it is in no event, and in lists only its last 4 characters."""

    method: str
    account: str
    holder: NotRequired[str]


class ReportSettlement(TypedDict):
    """One attempt to move the money, or a part of it, with the provider's own reference."""

    outcome: Literal["succeeded", "failed"]
    reference: str
    method: str
    """In any case; kept as one word: cod."""
    amount: NotRequired[int | None]
    """The part that was to be moved, in minor units; defaults to all that is left."""
    payment_id: NotRequired[str | None]
    """The payment of the order that the money goes back to."""
    reason: NotRequired[str]


class WantedLine(TypedDict):
    """Units of one line."""

    line: int
    quantity: int


class AdjustRefund(TypedDict):
    """Money without units: a goodwill on one line or on the whole order, some of the shipping, or what was paid too much.

    `amount` is what is credited; of `overpaid`, what goes back. `reason` is a word of the shop's own.
    """

    order_id: str
    kind: Literal["goodwill", "shipping", "overpaid"]
    line: NotRequired[int | None]
    """Only of a goodwill; without it, spread over all that is left of the order."""
    amount: int
    reason: NotRequired[str | None]
    """Defaults to the kind."""
    message: NotRequired[str]
    payout: NotRequired[int | None]
    """What should go back, in minor units; refused if it is another amount. 0 credits without paying."""
    pay_to: NotRequired[PayTo | None]
    order_version: NotRequired[int | None]
    """The order's version that the caller has seen; refused until it has arrived here."""


class ApproveRefund(TypedDict):
    """Without `lines`, the whole request is approved; with them, exactly these units, and the others are freed.

    `fees` are kept of the credit. `shipping` keeps or credits the units' shipping whatever the policy says, with a reason for the shop.
    """

    lines: NotRequired[Sequence[LineToApprove] | None]
    fees: NotRequired[Sequence[FeeInput]]
    shipping: NotRequired[Literal["policy", "keep", "refund"]]
    shipping_reason: NotRequired[str]
    payout: NotRequired[int | None]
    """What should go back, in minor units; refused if it is another amount. 0 credits without paying."""
    message: NotRequired[str]
    order_version: NotRequired[int | None]
    """The order's version that the caller has seen; refused until it has arrived here."""


class InspectGoods(TypedDict):
    """The decision on inspected goods; a line may be named twice, once for each disposition."""

    lines: Sequence[LineInspected]


class PreviewRefund(TypedDict):
    """What a request would name; a preview may leave out the reason."""

    order_id: str
    lines: Sequence[WantedLine]
    reason: NotRequired[str | None]
    description: NotRequired[str]
    further_information: NotRequired[str]
    attachments: NotRequired[Sequence[str]]
    pay_to: NotRequired[PayTo | None]
    beyond_window_reason: NotRequired[str]
    order_version: NotRequired[int | None]
    """The order's version that the caller has seen; refused until it has arrived here."""


class RequestRefund(TypedDict):
    """A refund request. Files are uploaded first; `beyond_window_reason` lets staff exceed the store's window."""

    order_id: str
    lines: Sequence[WantedLine]
    reason: str
    description: NotRequired[str]
    further_information: NotRequired[str]
    attachments: NotRequired[Sequence[str]]
    pay_to: NotRequired[PayTo | None]
    beyond_window_reason: NotRequired[str]
    order_version: NotRequired[int | None]
    """The order's version that the caller has seen; refused until it has arrived here."""


class SavePayTo(TypedDict):
    """The account that the money of a refund, or of what is cancelled, goes to; null removes it."""

    pay_to: PayTo | None
