"""The requests, word for word. Pure: everything follows from the file, so that a repeat sends the same."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from kit.importing.countries import NO_SUCH_COUNTRY, stand_in_address
from kit.importing.mapping import PlannedLine, PlannedOrder, PlannedRefund

PREFIX = "online-retail:"
CURRENCY = "GBP"
CHUNK_ORDERS = 100
CHUNK_LINES = 8_000
"""Orders of one batch: its body stays below 1 MB, its answer (the orders, whole) below 8 MB."""


def external_ref(invoice: str) -> str:
    """What an imported order is found by again, in later runs."""
    return f"{PREFIX}{invoice}"


def invoice_of(reference: str | None) -> str | None:
    """The invoice behind an external_ref; None where the order is not of this import."""
    return reference.removeprefix(PREFIX) if reference is not None and reference.startswith(PREFIX) else None


def chunks(orders: dict[str, PlannedOrder]) -> Iterator[list[PlannedOrder]]:
    """The orders in batches that depend on the file alone."""
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


def order(planned: PlannedOrder) -> dict[str, Any]:
    """A sales invoice as POST /v1/orders takes it. The file's country stays readable in the metadata."""
    first = planned.first
    known = "" if first.customer else "made up: the file names no customer"
    country = first.country if first.country not in NO_SUCH_COUNTRY else f"{first.country} (none; taken as United Kingdom)"
    body: dict[str, Any] = {
        "currency": CURRENCY,
        "customer": {"id": planned.customer},
        "shipping_address": stand_in_address(first.country),
        "lines": [_line(line) for line in planned.lines],
        "number": planned.invoice,
        "external_ref": external_ref(planned.invoice),
        "placed_at": first.at.isoformat(),
        "total": planned.total,
        "metadata": {"source": "online-retail", "first_row": first.number, "country": country} | ({"customer": known} if known else {}),
    }
    if planned.carriage:
        body["shipping"] = {"amount": planned.shipping}
    return body


def _line(line: PlannedLine) -> dict[str, Any]:
    """Priced by unit, or, where the unit price is not whole pence, by the line's rounded total."""
    price = {"unit_price": line.unit_price} if line.unit_price is not None else {"subtotal": line.subtotal}
    return {"sku": line.row.code, "name": line.name, "quantity": line.row.quantity, **price}


def payment(planned: PlannedOrder) -> dict[str, Any]:
    """The cash: the whole total, at the time of the invoice (the file has no other)."""
    at = planned.first.at.isoformat()
    return {"amount": planned.total, "method": "cash", "reference": planned.invoice, "collected_by": "online-retail", "occurred_at": at}


def refund(planned: PlannedRefund, order_id: str, *, reason: str, window: bool) -> dict[str, Any]:
    """What a cancellation invoice gives back of one order, asked for by the shop on its customer's behalf."""
    body: dict[str, Any] = {
        "order_id": order_id,
        "lines": [{"line": line, "quantity": units} for line, units in planned.quantities.items()],
        "reason": reason,
        "description": description(planned),
    }
    if window:
        body["beyond_window_reason"] = "Imported from the shop's history."
    return body


def description(planned: PlannedRefund) -> str:
    """Names the cancellation invoice, by which the refund is found again."""
    return f"Cancellation invoice {planned.cancellation} of {planned.takes[0].row.at:%Y-%m-%d}."


def key(digest: str, *parts: str, body: Any = None) -> str:
    """An Idempotency-Key of the file's content, of what it is about and of what is asked."""
    asked = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return "/".join(("online-retail", digest[:16], *parts, asked))
