"""Builds the exact requests. Pure: everything follows from the file, so a repeated run sends the same requests."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kit.client.requests.orders import LineInput, PlaceOrder, RecordPayment
from kit.client.requests.refunds import RequestRefund
from kit.importing.countries import NO_SUCH_COUNTRY, stand_in_address
from kit.importing.mapping import PlannedLine, PlannedOrder, PlannedRefund

PREFIX = "online-retail:"
CURRENCY = "GBP"
CHUNK_ORDERS = 100
CHUNK_LINES = 8_000
"""Orders in one batch, which keeps its body below 1 MB and its answer (the complete orders) below 8 MB."""


def external_ref(invoice: str) -> str:
    """The reference by which later runs find an imported order."""
    return f"{PREFIX}{invoice}"


def invoice_of(reference: str | None) -> str | None:
    """The invoice that an external_ref names; None if the order is not from this import."""
    return reference.removeprefix(PREFIX) if reference is not None and reference.startswith(PREFIX) else None


def chunks(orders: dict[str, PlannedOrder]) -> Iterator[list[PlannedOrder]]:
    """The orders in batches that depend only on the file."""
    chunk: list[PlannedOrder] = []
    lines = 0
    for order in orders.values():
        if chunk and (len(chunk) == CHUNK_ORDERS or lines + len(order.lines) > CHUNK_LINES):
            yield chunk
            chunk, lines = [], 0
        chunk.append(order)
        lines += len(order.lines)
    if chunk:
        yield chunk


def order(planned: PlannedOrder) -> PlaceOrder:
    """A sales invoice as an order to place. The metadata keeps the country as the file spells it."""
    first = planned.first
    country = first.country if first.country not in NO_SUCH_COUNTRY else f"{first.country} (none; taken as United Kingdom)"
    metadata: dict[str, str | int | bool] = {"source": "online-retail", "first_row": first.number, "country": country}
    if not first.customer:
        metadata["customer"] = "made up: the file names no customer"
    body: PlaceOrder = {
        "currency": CURRENCY,
        "customer": {"id": planned.customer},
        "shipping_address": stand_in_address(first.country),
        "lines": [_line(line) for line in planned.lines],
        "number": planned.invoice,
        "external_ref": external_ref(planned.invoice),
        "placed_at": first.at,
        "total": planned.total,
        "metadata": metadata,
    }
    if planned.carriage:
        body["shipping"] = {"amount": planned.shipping}
    return body


def _line(line: PlannedLine) -> LineInput:
    """A line with its unit price or, if that is not whole pence, with its rounded total."""
    made: LineInput = {"sku": line.row.code, "name": line.name, "quantity": line.row.quantity}
    if line.unit_price is not None:
        made["unit_price"] = line.unit_price
    else:
        made["subtotal"] = line.subtotal
    return made


def payment(planned: PlannedOrder) -> RecordPayment:
    """The cash payment: the order's whole total, at the time of the invoice (the file has no other)."""
    at = planned.first.at
    return {"amount": planned.total, "method": "cash", "reference": planned.invoice, "collected_by": "online-retail", "occurred_at": at}


def refund(planned: PlannedRefund, order_id: str, *, reason: str, window: bool) -> RequestRefund:
    """The request for what a cancellation invoice refunds on one order, made by the shop on its customer's behalf."""
    body: RequestRefund = {
        "order_id": order_id,
        "lines": [{"line": line, "quantity": units} for line, units in planned.quantities.items()],
        "reason": reason,
        "description": description(planned),
    }
    if window:
        body["beyond_window_reason"] = "Imported from the shop's history."
    return body


def description(planned: PlannedRefund) -> str:
    """A description that names the cancellation invoice, by which later runs find the refund."""
    return f"Cancellation invoice {planned.cancellation} of {planned.takes[0].row.at:%Y-%m-%d}."


def key(digest: str, *parts: str, body: Any = None) -> str:
    """An Idempotency-Key derived from the file's digest, from what the call concerns (`parts`) and from its body."""
    asked = hashlib.sha256(json.dumps(body, sort_keys=True, default=datetime.isoformat).encode()).hexdigest()[:16]
    return "/".join(("online-retail", digest[:16], *parts, asked))
