"""Orders in memory for the tests of pure rules."""

from datetime import UTC, datetime
from typing import Any

from shared.contracts.actor import Actor
from shared.contracts.events import By, Cancellation, Order, OrderLine, OrderStatus, Payment

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STAFF = Actor("s", "staff", "staff-1")
PLATFORM = Actor("s", "platform", "platform-1")
CUSTOMER = Actor("s", "customer", "c-1")
ON_BEHALF = Actor("s", "customer", "c-1", via="platform:platform-1")
GUEST = Actor("s", "guest", "order_01jd00000000000000000000a0")
READER = Actor("s", "staff", "reader-1", read_only=True)
SYSTEM = Actor("s", "system", "orders")
ACTORS = {
    "staff": STAFF,
    "platform": PLATFORM,
    "customer": CUSTOMER,
    "on_behalf": ON_BEHALF,
    "guest": GUEST,
    "reader": READER,
    "system": SYSTEM,
}
STATUSES: tuple[OrderStatus, ...] = ("pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled")
ORDER_ID = "order_01jd00000000000000000000a0"


def payment(amount: int = 11000, **changes: Any) -> Payment:
    """One payment record."""
    fields: dict[str, Any] = {
        "payment_id": "payment_01jd00000000000000000000a0", "amount": amount, "method": "cod", "reference": "r-1", "order_version": 2,
        "occurred_at": NOW, "recorded_at": NOW,
    }  # fmt: skip
    return Payment(**fields | changes)


def order(status: OrderStatus = "pending", *, paid: bool = False, failed: bool = False, **changes: Any) -> Order:
    """Order P: 2 units = 100.00, shipping 10.00, total 110.00, with its one line tracked."""
    line = OrderLine(line=1, sku="TEE-1", name="T-shirt", quantity=2, unit_price=5000, subtotal=10000, total=10000, stock_tracked=True)
    cancellation = Cancellation(
        by=By(role="staff", id="staff-1"), cancelled_from="pending", reason="r", order_version=2, occurred_at=NOW, recorded_at=NOW
    )
    fields: dict[str, Any] = {
        "order_id": ORDER_ID, "number": "1001", "version": 1, "status": status, "currency": "BDT", "customer_id": "c-1", "lines": (line,),
        "goods_total": 10000, "shipping": 1000, "total": 11000, "collected": 11000 if paid else 0, "payment": "paid" if paid else "unpaid",
        "payments": (payment(),) if paid else (), "delivery_failed_at": NOW if failed else None, "placed_at": NOW,
        "cancellation": cancellation if status == "cancelled" else None,
    }  # fmt: skip
    return Order(**fields | changes)
