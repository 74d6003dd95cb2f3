"""Orders of the past: placed as they stand, with what had happened to them (real-shops.md 1.5). Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from services.orders.requests.history import CancelledBeforeInput, HistoryInput, RefundedBeforeInput
from shared.contracts.errors import Invalid, Refused
from shared.contracts.events import By, Cancellation, ExternalDocument, History, Order, RefundedBefore, RefundedUnits
from shared.contracts.lifecycle import STEPS, STEPS_OF, OrderStatus, Step, reached
from shared.contracts.times import happened_at

from .payments import payment_state
from .room import MAX_EXTERNAL_DOCUMENTS

FIRST_MIDNIGHT = timedelta(hours=14)
"""The day begins so long before it does in UTC, where it begins first: somewhere, it is that day already."""


def with_history(order: Order, said: HistoryInput, importer: By, *, now: datetime) -> Order:
    """A new order as it stands after its history: with its status, its dates and what other systems issued for it.

    Its first version confirmed it, if it was ever confirmed.
    Raises Invalid `history_contradicts` (with a pointer), `in_the_future`, Refused (as with_documents).
    """
    if (said.status == "cancelled") != (said.cancelled is not None):
        _contradicts("/history/cancelled", "An order is imported as cancelled with its cancellation, and no other order has one.")
    far: OrderStatus = said.status if said.cancelled is None else said.cancelled.cancelled_from
    dates = _dates(order, said, far, now=now)
    cancellation = said.cancelled and _cancelled(
        order, said.cancelled, importer, not_before=max([order.placed_at, *dates.values()]), now=now
    )
    after = order.model_copy(
        update={
            "status": said.status,
            "imported": True,
            "history": History(refunded=_refunded(order, said.refunded), **{f"{step}_at": at for step, at in dates.items()}),
            "external_documents": with_documents(order, [one.parts(1) for one in said.documents], "/history/documents", now=now),
            "confirmed_at": next(iter(dates.values()), None),
            "confirmed_version": 1 if dates else None,
            "delivered_at": dates.get("delivered"),
            "cancellation": cancellation,
        }
    )
    return after.model_copy(update={"payment": payment_state(after.position)})


def with_documents(order: Order, named: Sequence[ExternalDocument], at: str, *, now: datetime) -> tuple[ExternalDocument, ...]:
    """The order's external documents and those of `named` that it does not have yet; a document is known by its kind and number.

    `at` points to `named` in the request. Raises Invalid `in_the_future`, Refused `document_conflict` (the same document with another
    date), `too_many_documents`.
    """
    known = {(one.kind, one.number): one for one in order.external_documents}
    latest = (now + FIRST_MIDNIGHT).date()
    for index, one in enumerate(named):
        if one.issued_on > latest:
            detail = f"A document has been issued already: at the latest {latest.isoformat()}."
            raise Invalid("in_the_future", detail, at=f"{at}/{index}/issued_on", accepted="Send the day on which it was issued.")
        there = known.setdefault((one.kind, one.number), one)
        if there.issued_on != one.issued_on:
            detail = f"The {one.kind} {one.number} is named with another date already: {there.issued_on.isoformat()}."
            raise Refused("document_conflict", detail, number=one.number, issued_on=there.issued_on.isoformat())
    if len(known) > MAX_EXTERNAL_DOCUMENTS:
        raise Refused("too_many_documents", f"An order can name at most {MAX_EXTERNAL_DOCUMENTS} documents of other systems.")
    return tuple(known.values())


def _dates(order: Order, said: HistoryInput, far: OrderStatus, *, now: datetime) -> dict[Step, datetime]:
    """The date of each step that was taken, in order."""
    dates: dict[Step, datetime] = {}
    last = order.placed_at
    for step in STEPS:
        given, pointer = getattr(said, f"{step}_at"), f"/history/{step}_at"
        if given is None:
            if step == far:
                _contradicts(pointer, f"The order was {step}: say when.")
            continue
        if step not in STEPS_OF[order.fulfilment]:
            _contradicts(pointer, f"An order with the fulfilment {order.fulfilment} is never {step}.")
        if not reached(far, step):
            _contradicts(pointer, f"The order got as far as {far}, so it was never {step}.")
        dates[step] = last = _after(given, last, pointer, now=now)
    return dates


def _cancelled(order: Order, said: CancelledBeforeInput, importer: By, *, not_before: datetime, now: datetime) -> Cancellation:
    """The record of a cancellation of the past: by the order's customer, the importing platform, or staff whom nobody names."""
    ids = {"customer": order.customer_id, "platform": importer.id, "staff": ""}
    at = _after(said.at, not_before, "/history/cancelled/at", now=now)
    return Cancellation(
        by=By(role=said.by, id=ids[said.by]), cancelled_from=said.cancelled_from, reason=said.reason, order_version=1,
        occurred_at=at, recorded_at=now,
    )  # fmt: skip


def _refunded(order: Order, said: RefundedBeforeInput | None) -> RefundedBefore | None:
    """What had gone back: of each part at most its total, together at most what was collected."""
    if said is None:
        return None
    known, lines = {line.line: line for line in order.lines}, dict[int, RefundedUnits]()
    for at, one in enumerate(said.lines):
        pointer, line = f"/history/refunded/lines/{at}", known.get(one.line)
        if line is None:
            _contradicts(f"{pointer}/line", f"The order has no line {one.line}.")
        if one.line in lines:
            _contradicts(f"{pointer}/line", f"Line {one.line} is named twice: name each line once, with all that went back for it.")
        if one.quantity > line.quantity:
            _contradicts(f"{pointer}/quantity", f"Line {one.line} has {line.quantity} units.")
        if one.amount > line.total:
            _contradicts(f"{pointer}/amount", f"The total of line {one.line} is {line.total}, so no more can have gone back for it.")
        lines[one.line] = RefundedUnits(**one.model_dump())
    if said.shipping > order.shipping:
        _contradicts("/history/refunded/shipping", f"The order's shipping is {order.shipping}, so no more of it can have gone back.")
    refunded = RefundedBefore(lines=tuple(lines[number] for number in sorted(lines)), shipping=said.shipping)
    if refunded.amount > order.collected:
        detail = f"{order.collected} was collected, so {refunded.amount} cannot have gone back."
        _contradicts("/history/refunded", detail)
    return refunded


def _after(given: datetime, last: datetime, pointer: str, *, now: datetime) -> datetime:
    """A date of the history: not in the future, and not before the one before it."""
    at = happened_at(given, now=now, field=pointer.removeprefix("/"))
    if at < last:
        _contradicts(pointer, f"The dates of an order rise: it cannot have happened before {last.isoformat()}.")
    return at


def _contradicts(pointer: str, sentence: str) -> NoReturn:
    raise Invalid("history_contradicts", sentence, at=pointer, accepted=sentence, pointer=pointer)
