"""Builds the exact requests. Pure: everything follows from the file, so a repeated run sends the same requests."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator

from kit.client.requests.orders import (
    CancelledBeforeInput,
    ExternalDocumentInput,
    HistoryInput,
    LineInput,
    PlaceOrder,
    PrepaidInput,
    RefundedBeforeInput,
    RefundedLineInput,
)
from kit.importing.countries import NO_SUCH_COUNTRY, stand_in_address
from kit.importing.mapping import PlannedLine, PlannedOrder

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
    """A sales invoice as an order of the past. The metadata keeps the country as the file spells it."""
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
        "history": _history(planned),
    }
    if planned.carriage:
        body["shipping"] = {"amount": planned.shipping}
    if planned.total:  # cash at the time of the invoice: the file has no other
        paid: PrepaidInput = {"amount": planned.total, "method": "cash", "reference": planned.invoice}
        body["payments"] = [{**paid, "collected_by": "online-retail", "occurred_at": first.at}]
    return body


def _line(line: PlannedLine) -> LineInput:
    """A line with its unit price or, if that is not whole pence, with its rounded total."""
    made: LineInput = {"sku": line.row.code, "name": line.name, "quantity": line.row.quantity}
    if line.unit_price is not None:
        made["unit_price"] = line.unit_price
    else:
        made["subtotal"] = line.subtotal
    return made


def _history(planned: PlannedOrder) -> HistoryInput:
    """How the order ended, the invoices of the file that concern it, and what came back."""
    at, issued = planned.first.at, {take.row.invoice: take.row.day for take in planned.takes}
    documents: list[ExternalDocumentInput] = [{"kind": "invoice", "number": planned.invoice, "issued_on": planned.first.day}]
    documents += [{"kind": "credit_note", "number": number, "issued_on": day} for number, day in issued.items()]
    history: HistoryInput = {"status": "delivered", "delivered_at": at, "documents": documents}
    if (cancelled_at := planned.cancelled_at) is not None:
        cancelled: CancelledBeforeInput = {"from": "confirmed", "at": cancelled_at}
        history = {"status": "cancelled", "confirmed_at": at, "cancelled": cancelled, "documents": documents}
    if any(take.line or take.refunded for take in planned.takes):
        history["refunded"] = _refunded(planned)
    return history


def _refunded(planned: PlannedOrder) -> RefundedBeforeInput:
    units: Counter[int] = Counter()
    money: Counter[int] = Counter()
    for take in planned.takes:
        units[take.line] += take.units
        money[take.line] += take.refunded
    lines: list[RefundedLineInput] = [{"line": line, "quantity": units[line], "amount": money[line]} for line in sorted(units) if line]
    return {"lines": lines, "shipping": money[0]}


def key(digest: str, orders: list[PlaceOrder]) -> str:
    """The Idempotency-Key of a batch, derived from the file's digest and from the body."""
    asked = hashlib.sha256(json.dumps(orders, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return f"online-retail/{digest[:16]}/{asked}"
