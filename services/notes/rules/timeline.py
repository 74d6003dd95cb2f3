"""What each event adds to its order's timeline, its position there, and who may read which part of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.notes.state import Audience
from shared.contracts import events
from shared.contracts.events import By, Event, OrderEvent, RefundEvent


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an order's timeline, made from one event.

    `details` are for everyone in the audience, `internal` is only for the shop, and `message` is the text written to the customer
    (an erasure blanks it together with `internal`).
    """

    audience: Audience
    by: By
    details: dict[str, Any] = field(default_factory=dict)
    internal: dict[str, Any] = field(default_factory=dict)
    message: str = ""


PERSONAL_DETAILS = ("tracking",)
"""Details that identify a person: a tracking number leads to the carrier's page, which shows a name and an address."""

OF_THE_SHOP = ("tags", "metadata", "accept_addresses", "accept_oversold", "customer_id")
"""Parts of an order that its customer does not see."""

SOURCE_RANK = {"orders": 0, "refunds": 1, "documents": 2}
"""Order of entries at the same instant: an order's change comes before the refund that it caused, and both before their documents."""


def source_rank(source: str) -> int:
    """The rank of a source among entries at the same instant; an unknown source comes last."""
    return SOURCE_RANK.get(source, len(SOURCE_RANK))


def entry_of(event: Event) -> Entry | None:
    """The timeline entry for an event, or None if it only repeats another (`order.refunded` echoes the refund)."""
    make = ENTRIES.get(type(event))
    return make(event) if make else None


def further_entries(event: Event) -> list[tuple[str, datetime, Entry]]:
    """The entries of an imported order after that of its placing: one for each date of its past, with the status had then."""
    if not isinstance(event, events.OrderImported):
        return []
    return [(status, at, _past(event, status)) for status, at in event.order.past[1:]]


def forgotten(entry: Entry) -> Entry:
    """The entry as stored for an erased customer's order: what happened, when and by whom, without any free text."""
    facts = {name: value for name, value in entry.details.items() if name not in PERSONAL_DETAILS}
    return replace(entry, details=facts, internal={}, message="")


def _status(event: OrderEvent) -> Entry:
    tracking = event.order.tracking
    details: dict[str, Any] = {"status": event.order.status, "version": event.order.version}
    if tracking:
        details["tracking"] = tracking.model_dump(exclude_none=True)
    return Entry("customer", event.by, details, message=event.personal.message)


def _placed(event: events.OrderPlaced) -> Entry:
    return Entry("customer", event.by, _order_facts(event) | {"number": event.order.number, "total": event.order.total})


def _imported(event: events.OrderImported) -> Entry:
    """The first of an imported order's entries: placed, with whatever happened at the same instant."""
    first = _past(event, event.order.past[0][0])
    return replace(
        first, details=first.details | {"currency": event.order.currency, "number": event.order.number, "total": event.order.total}
    )


def _past(event: events.OrderImported, status: str) -> Entry:
    details, cancellation = {"status": status, "version": event.order.version}, event.order.cancellation
    if status == "cancelled" and cancellation is not None:
        return Entry(
            "customer", cancellation.by, details | {"cancelled_from": cancellation.cancelled_from}, {"reason": cancellation.reason}
        )
    return Entry("customer", event.by, details)


def _cancelled(event: events.OrderCancelled) -> Entry:
    cancellation = event.order.cancellation
    details = {"status": "cancelled", "version": event.order.version}
    if cancellation is None:
        return Entry("customer", event.by, details, message=event.personal.message)
    details["cancelled_from"] = cancellation.cancelled_from
    return Entry("customer", cancellation.by, details, {"reason": cancellation.reason}, event.personal.message)


def _delivery_failed(event: events.OrderDeliveryFailed) -> Entry:
    internal = {"reported_by": event.reported_by, "reason": event.reason}
    return Entry("customer", event.by, {"version": event.order.version}, internal, event.personal.message)


def _payment(event: events.OrderPaymentRecorded | events.OrderPaymentReversed) -> Entry:
    """Amount and method for everyone; reference, collector and the reason of a reversal only for the shop."""
    details = _order_facts(event) | {"payment_id": event.payment_id, "collected": event.order.collected, "payment": event.order.payment}
    internal: dict[str, Any] = {}
    for payment in event.order.payments:
        if payment.payment_id == event.payment_id:
            details |= {"amount": payment.amount, "method": payment.method}
            internal = {"reference": payment.reference, "collected_by": payment.collected_by}
    if isinstance(event, events.OrderPaymentReversed):
        internal["reason"] = event.reason
    return Entry("customer", event.by, details, internal, event.personal.message)


def _edited(event: events.OrderEdited) -> Entry:
    details = {"version": event.order.version, "fields": [name for name in event.fields if name not in OF_THE_SHOP]}
    return Entry("customer", event.by, details, {"reason": event.reason}, event.personal.message)


def _amended(event: events.OrderAmended) -> Entry:
    details = _order_facts(event) | {"changed": list(event.changed), "total_before": event.total_before, "total": event.order.total}
    return Entry("customer", event.by, details, {"reason": event.reason}, event.personal.message)


def _part_cancelled(event: events.OrderPartCancelled) -> Entry:
    lines = [{"line": one.line, "quantity": one.quantity} for one in event.lines]
    details = _order_facts(event) | {"part_cancellation_id": event.part_cancellation_id, "lines": lines}
    return Entry("customer", event.by, details, {"reason": event.reason}, event.personal.message)


def _parcels_changed(event: events.OrderParcelsChanged) -> Entry:
    """The parcel's carrier and number while it stands: a removed one is named by its id alone."""
    details: dict[str, Any] = {"version": event.order.version, "parcel_id": event.parcel_id, "change": event.change}
    for parcel in event.order.parcels:
        if parcel.parcel_id == event.parcel_id and event.change != "removed":
            details["tracking"] = {"carrier": parcel.carrier, "number": parcel.number} | ({"url": parcel.url} if parcel.url else {})
    return Entry("customer", event.by, details, message=event.personal.message)


def _difference_closed(event: events.OrderDifferenceClosed) -> Entry:
    """Only for the shop: its customer sees what is due, not why (real-shops.md, section 5)."""
    details = _order_facts(event) | {"closing_id": event.closing_id, "due": event.order.position.due, "payment": event.order.payment}
    for closing in event.order.closings:
        if closing.closing_id == event.closing_id:
            details |= {"kind": closing.kind, "amount": closing.amount, "reason": closing.reason}
    return Entry("private", event.by, details)


def _order_facts(event: OrderEvent) -> dict[str, Any]:
    return {"version": event.order.version, "currency": event.order.currency}


def _refund_facts(event: RefundEvent) -> dict[str, Any]:
    """What is credited, which the customer no longer owes, and the amount that goes back: they differ where something was due."""
    refund = event.refund
    money = {"currency": refund.currency, "credit": refund.credited, "amount": refund.amount}
    return {"refund_id": refund.refund_id, "status": refund.status} | money


def _refund_requested(event: events.RefundRequested) -> Entry:
    """Only for the shop: customers are not notified of a refund request (seed 9.2); their refund page shows it."""
    return Entry("private", event.by, _refund_facts(event), {"reason": event.refund.reason})


def _refund_approved(event: events.RefundApproved) -> Entry:
    """With what was paid too much and goes back beside the credit, what of the credit was set off against what was due, and the fees
    kept: credit + overpaid = amount + set_off.
    """
    refund, decided = event.refund, _refund_decided(event)
    figures: dict[str, Any] = {"overpaid": refund.overpaid, "set_off": refund.credited + refund.overpaid - refund.amount}
    return replace(decided, details=decided.details | figures | {"fees": [fee.model_dump() for fee in refund.fees]})


def _refund_decided(event: events.RefundApproved | events.RefundCancelled) -> Entry:
    details = _refund_facts(event) | {"cause": event.refund.cause, "shipping_kept": event.refund.shipping_kept}
    return Entry("customer", event.by, details, {"reason": event.refund.reason}, event.personal.message)


def _refund_settled(event: events.RefundSettled) -> Entry:
    return Entry("customer", event.by, _refund_facts(event) | {"method": event.method}, {"reference": event.reference})


def _refund_part_settled(event: events.RefundPartSettled) -> Entry:
    """Which payment the part went back to is for the shop."""
    details = _refund_facts(event) | {"method": event.method, "part": event.amount, "settled_amount": event.refund.settled_amount}
    return Entry("customer", event.by, details, {"reference": event.reference, "payment_id": event.payment_id})


def _settlement_failed(event: events.RefundSettlementFailed) -> Entry:
    """Only for the shop: the settlement is retried, or made by another method."""
    return Entry("private", event.by, _refund_facts(event), {"reference": event.reference, "reason": event.reason})


def _document(event: events.DocumentIssued) -> Entry:
    details = {
        "document_id": event.document_id,
        "kind": event.kind,
        "number": event.number,
        "issued_on": event.issued_on.isoformat(),
        "currency": event.currency,
        "total": event.total,
    }
    return Entry("customer", By(role="system", id="documents"), details)


ENTRIES: dict[type[Event], Callable[[Any], Entry]] = {
    events.OrderPlaced: _placed,
    events.OrderImported: _imported,
    events.OrderConfirmed: _status,
    events.OrderPickedUp: _status,
    events.OrderShipped: _status,
    events.OrderDelivered: _status,
    events.OrderCancelled: _cancelled,
    events.OrderDeliveryFailed: _delivery_failed,
    events.OrderPaymentRecorded: _payment,
    events.OrderPaymentReversed: _payment,
    events.OrderEdited: _edited,
    events.OrderAmended: _amended,
    events.OrderPartCancelled: _part_cancelled,
    events.OrderParcelsChanged: _parcels_changed,
    events.OrderDifferenceClosed: _difference_closed,
    events.RefundRequested: _refund_requested,
    events.RefundApproved: _refund_approved,
    events.RefundCancelled: _refund_decided,
    events.RefundSettled: _refund_settled,
    events.RefundPartSettled: _refund_part_settled,
    events.RefundSettlementFailed: _settlement_failed,
    events.DocumentIssued: _document,
}
"""The function that makes the entry for each event type."""
