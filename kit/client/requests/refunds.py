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


class ReportSettlement(TypedDict):
    """One attempt to move the money, with the provider's own reference."""

    outcome: Literal["succeeded", "failed"]
    reference: str
    method: str
    """In any case; kept as one word: cod."""
    reason: NotRequired[str]


class WantedLine(TypedDict):
    """Units of one line."""

    line: int
    quantity: int


class ApproveRefund(TypedDict):
    """Without `lines`, the whole request is approved; with them, exactly these units, and the others are freed."""

    lines: NotRequired[Sequence[LineToApprove] | None]
    payout: NotRequired[int | None]
    """What should go back, in minor units; refused if it is another amount. 0 credits without paying."""
    message: NotRequired[str]
    order_version: NotRequired[int | None]
    """The order's version that the caller has seen; refused until it has arrived here."""


class InspectGoods(TypedDict):
    """The decision on inspected goods; a line may be named twice, once for each disposition."""

    lines: Sequence[LineInspected]


class RequestRefund(TypedDict):
    """A refund request. Files are uploaded first; `beyond_window_reason` lets staff exceed the store's window."""

    order_id: str
    lines: Sequence[WantedLine]
    reason: str
    description: NotRequired[str]
    further_information: NotRequired[str]
    attachments: NotRequired[Sequence[str]]
    beyond_window_reason: NotRequired[str]
    order_version: NotRequired[int | None]
    """The order's version that the caller has seen; refused until it has arrived here."""
