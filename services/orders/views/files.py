"""Orders as rows of a file, made from what their reader would see of them."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.orders.state import Summary
from services.orders.views.lists import OrderSummaryView
from services.orders.views.orders import AddressView, OrderLineView, OrderView
from shared.contracts.actor import Actor
from shared.contracts.money import decimal_text
from shared.web.views import MoneyView

SUMMARY_AMOUNTS = ("total", "collected", "refunded_total", "due")
AMOUNTS = (*SUMMARY_AMOUNTS, "overpaid", "credited_total", "goods_total", "discount_total", "tax_total", "shipping")
TIMES = ("placed_at", "confirmed_at", "delivered_at")
SAME = ("number", "status", "payment", "refund_state", "currency", "external_ref", "order_id", "version", "fulfilment",
        "shipping_method", "payment_method", "customer_note")  # fmt: skip
ADDRESS = {"name": "name", "company": "company_name", "street": "street_address", "city": "city", "city_area": "city_area",
           "area": "country_area", "postal_code": "postal_code", "country": "country_code", "phone": "phone"}  # fmt: skip
SAME_OF_LINES = ("line", "sku", "quantity", "cancelled", "personalisation", "tax_rate", "tax_code", "commodity_code")
AMOUNTS_OF_LINES = {"unit_price": "unit_price", "subtotal": "subtotal", "line_discount": "discount", "order_discount": "order_discount",
                    "line_tax": "tax", "line_total": "total"}  # fmt: skip

Clock = Callable[[datetime], datetime]
"""The same time as the file shows it."""


def summary_cells(summary: Summary, actor: Actor, clock: Clock) -> dict[str, Any]:
    """What a list's row says to `actor`; amounts are decimal."""
    OrderSummaryView.of(summary, actor)  # validates: a CSV would print an invalid row unchecked
    values = asdict(summary) | {"due": summary.position.due}
    amounts = {name: decimal_text(values[name], summary.currency) for name in SUMMARY_AMOUNTS}
    return values | amounts | {"placed_at": clock(summary.placed_at)}


def order_cells(order: OrderView, clock: Clock) -> dict[str, Any]:
    """All that a file may say of an order; amounts are decimal."""
    customer, tracking = order.customer, order.tracking
    return {
        **{name: getattr(order, name) for name in SAME},
        **{name: getattr(order, name).decimal for name in AMOUNTS},
        **{name: (at := getattr(order, name)) and clock(at) for name in TIMES},
        "customer_id": customer.id,
        "customer_name": customer.name,
        "email": customer.email,
        "phone": customer.phone,
        "company": customer.company,
        **_address("shipping", order.shipping_address),
        **_address("billing", order.billing_address),
        "carrier": tracking and tracking.carrier,
        "tracking_number": tracking and tracking.number,
        "tracking_url": tracking and tracking.url,
        "units": sum(line.quantity for line in order.lines),
        "coupon_codes": ", ".join(order.coupon_codes),
        "tags": ", ".join(order.tags),
    }


def line_cells(line: OrderLineView) -> dict[str, Any]:
    """All that a file may say of a line; amounts are decimal."""
    amounts: dict[str, MoneyView | None] = {column: getattr(line, name) for column, name in AMOUNTS_OF_LINES.items()}
    return {
        **{name: getattr(line, name) for name in SAME_OF_LINES},
        **{column: amount and amount.decimal for column, amount in amounts.items()},
        "line_name": line.name,
        "options": ", ".join(f"{option.name}: {option.value}" for option in line.options),
    }


def _address(prefix: str, address: AddressView | None) -> dict[str, Any]:
    return {f"{prefix}_{column}": address and getattr(address, name) for column, name in ADDRESS.items()}
