"""The data types of the commands and rules: an order with the few fields that its events do not carry, stock, links, settings."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from shared.contracts.errors import Failure, FieldError
from shared.contracts.events import By, Fulfilment, Order, OrderPersonal, OrderStatus, Part, PaymentState, RefundState
from shared.contracts.position import Position

CancelPreset = Literal["cancellation-control", "order-cancellation"]
CustomerStop = Literal["picked_up", "shipped", "delivered"]
Oversell = Literal["refuse", "allow"]


class LineExtra(Part):
    """What the shop's pages show of a line; in no event."""

    line: int
    product_id: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Shortage:
    """Units of a SKU that an order took though they were not there."""

    sku: str
    short: int


@dataclass(frozen=True, slots=True)
class OrderState:
    """One version of an order. `refunds` and `refunded_units` count the refunds and units that the refund service approved.

    `address_problems` is what its country does not know of the contact or an address, until an edit mends it or staff accept it;
    `last_line` is the highest line number that was ever used. `oversold` is what was missing when the order took it, and
    `oversold_open` whether staff still have to accept that. `closing_notes` are by the closing's id. `updated_at` is when this version
    was recorded.
    """

    order: Order
    personal: OrderPersonal
    updated_at: datetime
    metadata: dict[str, str | int | bool] = field(default_factory=dict)
    refunds: int = 0
    refunded_units: int = 0
    address_problems: tuple[FieldError, ...] = ()
    last_line: int = 0
    tags: tuple[str, ...] = ()
    line_extras: tuple[LineExtra, ...] = ()
    oversold: tuple[Shortage, ...] = ()
    oversold_open: bool = False
    closing_notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One version of an order: an entry of its timeline."""

    version: int
    type: str
    by: By
    message: str
    reason: str
    details: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """An order in a list. `misaddressed`: its country does not know the contact or an address."""

    order_id: str
    version: int
    number: str
    external_ref: str | None
    placed_at: datetime
    customer_id: str
    customer_name: str
    status: OrderStatus
    payment: PaymentState
    refund_state: RefundState
    currency: str
    total: int
    collected: int
    due: int
    refunded_total: int
    credited_total: int
    line_count: int
    unit_count: int
    fulfilment: Fulfilment
    delivery_failed_at: datetime | None
    updated_at: datetime
    written_off_total: int
    kept_total: int
    oversold_open: bool
    misaddressed: bool

    @property
    def position(self) -> Position:
        """What is due, and what was paid too much."""
        return Position(
            total=self.total,
            credited=self.credited_total,
            collected=self.collected,
            paid_back=self.refunded_total,
            written_off=self.written_off_total,
            kept=self.kept_total,
            cancelled=self.status == "cancelled",
        )


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A payment or reversal, with the order that it belongs to."""

    payment_id: str
    order_id: str
    number: str
    external_ref: str | None
    currency: str
    amount: int
    courier_charge: int | None
    method: str
    reference: str
    collected_by: str | None
    reverses: str | None
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class StockLevel:
    """How many units of a SKU can still be sold, below 0 if more were sold than there are; `version` counts its movements."""

    sku: str
    on_hand: int
    version: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class StockMovement:
    """One entry of a SKU's ledger, with the level after it."""

    sku: str
    sequence: int
    quantity: int
    on_hand: int
    cause: str
    order_id: str | None
    reason: str
    recorded_at: datetime
    oversold: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """The order that holds a payment, and whether the payment is new: one that was there already changes nothing."""

    state: OrderState
    new: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """The order that an item changed, and its version since then. `status` is 201 for a new payment.

    A repeat after the customer's erasure knows neither any more, unless it names the order itself.
    """

    order_id: str | None
    version: int | None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Why an item changed nothing; `order_id` is None if it names no order, or several."""

    order_id: str | None
    failure: Failure


Result = Changed | Unchanged


@dataclass(frozen=True, slots=True)
class Link:
    """A link with which a guest reads one order. Its token is never stored: it is derived from this and the issuer's key."""

    store_id: str
    link_id: str
    order_id: str
    issuer: str
    by: By
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One version of a store's settings; version 0 is the defaults. `stock`: whether the store tracks its stock here, and
    `oversell` whether it takes orders for more than there is.

    `closing_limit` is how much of a difference staff may close, in minor units, of one order and kind.
    `next_number` is what the series was started at, and `numbers_given` the highest that it had given before; the series itself is a
    sequence (docs/decisions/0102-order-numbers.md).
    """

    version: int = 0
    cancel_preset: CancelPreset = "cancellation-control"
    customer_cancel_until: CustomerStop = "delivered"
    stock: bool = False
    number_prefix: str = ""
    time_zone: str = "UTC"
    next_number: int | None = None
    numbers_given: int = 0
    country: str | None = None
    oversell: Oversell = "refuse"
    closing_limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSettings(StoreSettings):
    """A version that was saved, with when and by whom."""

    saved_at: datetime
    saved_by: dict[str, Any]
