"""Parcels of an order: when they can change, and what may stand in them. A parcel moves no status (real-shops.md 1.2). Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.orders.requests.parcels import ParcelInput, ParcelLineInput, TrackingEdit, TrackingInput
from shared.contracts.actor import Actor, Decision, allowed, refused, shop_only
from shared.contracts.errors import FieldError, Invalid, Refused
from shared.contracts.events import Order, OrderLine, Parcel, ParcelLine, Tracking, event_bytes
from shared.contracts.lifecycle import reached, steps_ahead
from shared.contracts.times import happened_at

from .carriers import followed
from .lines import named_lines
from .room import MAX_PARCELS, MAX_PARCELS_BYTES

OPEN_AFTER_DELIVERY = timedelta(days=90)
TIMES = ("shipped_at", "delivered_at")


def is_shipped(order: Order) -> Decision:
    """Whether the order is sent in parcels at all."""
    if order.fulfilment == "shipping":
        return allowed()
    said = f"A {order.fulfilment} order is never shipped, so it has no parcels."
    return refused("nothing_is_shipped", said, forward=steps_ahead(order.status, order.fulfilment))


def may_change_parcels(order: Order, actor: Actor, *, now: datetime) -> Decision:
    """Whether `actor` may add, correct or remove parcels: from confirmation until 90 days after delivery."""
    for decision in (shop_only(actor), is_shipped(order)):
        if not decision.allowed:
            return decision
    if order.status == "cancelled":
        return refused("already_cancelled", "The order is cancelled, so its parcels cannot change.")
    if not reached(order.status, "confirmed"):
        return refused("parcels_closed", "Parcels can be given once the order is confirmed.")
    if order.delivered_at is not None and now > order.delivered_at + OPEN_AFTER_DELIVERY:
        until = (order.delivered_at + OPEN_AFTER_DELIVERY).isoformat()
        return refused("parcels_closed", f"Parcels could be changed until 90 days after delivery, {until}.", until=until)
    return allowed()


def standing(parcels: Sequence[Parcel], tracking: Tracking | None, parcel_id: str) -> tuple[Parcel, ...]:
    """The parcels that stand. An order from before there were parcels has one where it has tracking; `parcel_id` is then its id."""
    if parcels or tracking is None:
        return tuple(parcels)
    return (Parcel(parcel_id=parcel_id, **tracking.model_dump()),)


def tracking_of(parcels: Sequence[Parcel]) -> Tracking | None:
    """Where the first parcel can be tracked; None where its number was erased."""
    return Tracking.like(parcels[0]) if parcels and parcels[0].number else None


def new_parcel(request: ParcelInput, parcel_id: str, *, now: datetime, at: str = "") -> Parcel:
    """The parcel as requested. Raises Invalid `in_the_future`."""
    given = {name: getattr(request, name) for name in TIMES}
    parcel = Parcel(parcel_id=parcel_id, lines=_lines(request.lines), **followed(Tracking.like(request)).model_dump())
    return parcel.model_copy(update=_times(given, now=now, at=at))


def corrected(parcel: Parcel, edit: TrackingEdit, *, now: datetime) -> Parcel:
    """The parcel with the edit merged into it. A carrier's link follows the number, a caller's stays. Raises Invalid `in_the_future`."""
    given: dict[str, Any] = {name: getattr(edit, name) for name in edit.model_fields_set}
    if "lines" in given:
        given["lines"] = _lines(given["lines"] or ())
    after = parcel.model_copy(update=given | _times(given, now=now))
    if "url" in given or not given.keys() & {"carrier", "number"}:
        return after
    theirs = followed(Tracking(carrier=parcel.carrier, number=parcel.number)).url
    link = followed(Tracking(carrier=after.carrier, number=after.number, url=None if parcel.url == theirs else parcel.url))
    return after.model_copy(update={"url": link.url})


def tracked(order: Order, tracking: TrackingInput | TrackingEdit, parcel_id: str, *, now: datetime) -> tuple[Parcel, ...]:
    """The order's parcels with the first one tracked like this; `parcel_id` is its id if there is none yet.

    Raises Invalid `tracking_incomplete`, and as with_parcel.
    """
    first = order.parcels[0] if order.parcels else Parcel(parcel_id=parcel_id, carrier="", number="")
    if isinstance(tracking, TrackingInput):
        lines = _lines(tracking.lines) if "lines" in tracking.model_fields_set else first.lines
        after = first.model_copy(update={**followed(Tracking.like(tracking)).model_dump(), "lines": lines})
    else:
        after = corrected(first, tracking, now=now)
    missing = tuple(name for name in ("carrier", "number") if not getattr(after, name))
    if missing:
        sentence = "The parcel has no tracking yet: give its carrier and its number."
        errors = tuple(FieldError(f"/tracking/{name}", "tracking_incomplete", sentence) for name in missing)
        raise Invalid("tracking_incomplete", sentence, errors=errors)
    return with_parcel(order, after, at="/tracking")


def with_parcel(order: Order, parcel: Parcel, at: str = "") -> tuple[Parcel, ...]:
    """The order's parcels with this one, in its place or as the last. `at` points to it in the request.

    Raises Invalid `unknown_line`, `line_twice`, `parcel_times`, Refused `parcel_too_much`, `too_many_parcels`.
    """
    stands = any(one.parcel_id == parcel.parcel_id for one in order.parcels)
    parcels = tuple(parcel if one.parcel_id == parcel.parcel_id else one for one in order.parcels) + (() if stands else (parcel,))
    _check_times(order, parcel, at)
    lines = named_lines(order, [one.line for one in parcel.lines], f"{at}/lines")
    packed = units_of(one for one in parcels if one.parcel_id != parcel.parcel_id)
    for line, one in zip(lines, parcel.lines, strict=True):
        if packed[line.line] + one.quantity > line.left:
            free = line.left - packed[line.line]
            detail = f"Line {line.line} has {line.left} units, {packed[line.line]} of them in other parcels: {free} are free."
            raise Refused("parcel_too_much", detail, line=line.line, left=line.left, free=free, wanted=one.quantity)
    size = event_bytes([one.model_dump(mode="json") for one in parcels])
    if len(parcels) > MAX_PARCELS or size > MAX_PARCELS_BYTES:
        detail = f"An order can have at most {MAX_PARCELS} parcels, with {MAX_PARCELS_BYTES} bytes in all."
        raise Refused("too_many_parcels", detail, parcels=len(parcels), most=MAX_PARCELS, bytes=size, most_bytes=MAX_PARCELS_BYTES)
    return parcels


def units_of(parcels: Iterable[Parcel]) -> Counter[int]:
    """How many units of each line are in these parcels."""
    units = Counter[int]()
    for parcel in parcels:
        for one in parcel.lines:
            units[one.line] += one.quantity
    return units


def units_sent(order: Order) -> Counter[int]:
    """How many units of each line are in parcels that have left."""
    return units_of(one for one in order.parcels if _has_left(one))


def unpacked(parcels: Sequence[Parcel], lines: Sequence[OrderLine]) -> tuple[Parcel, ...]:
    """The parcels without units that are no longer left of their lines: they come out of parcels that have not left, the last first."""
    excess = units_of(parcels)
    excess.subtract({line.line: line.left for line in lines})
    kept = []
    for parcel in reversed(parcels):
        out = {one.line: 0 if _has_left(parcel) else min(one.quantity, max(0, excess[one.line])) for one in parcel.lines}
        excess.subtract(out)
        stay = [one.model_copy(update={"quantity": one.quantity - out[one.line]}) for one in parcel.lines]
        kept.append(parcel.model_copy(update={"lines": tuple(one for one in stay if one.quantity)}))
    return tuple(reversed(kept))


def _has_left(parcel: Parcel) -> bool:
    return parcel.shipped_at is not None or parcel.delivered_at is not None


def _lines(lines: Sequence[ParcelLineInput]) -> tuple[ParcelLine, ...]:
    return tuple(ParcelLine(line=one.line, quantity=one.quantity) for one in lines)


def _times(given: dict[str, Any], *, now: datetime, at: str = "") -> dict[str, datetime | None]:
    """The parcel's times among what is given; one that is slightly ahead of the clock is now."""
    names = [name for name in TIMES if name in given]
    return {name: None if given[name] is None else happened_at(given[name], now=now, field=f"{at}/{name}"[1:]) for name in names}


def _check_times(order: Order, parcel: Parcel, at: str) -> None:
    """placed_at ≤ shipped_at ≤ delivered_at."""
    earliest, since = order.placed_at, "the order was placed"
    for name, moment in (("shipped_at", parcel.shipped_at), ("delivered_at", parcel.delivered_at)):
        if moment is None:
            continue
        if moment < earliest:
            detail = f"It cannot be before {earliest.isoformat()}, when {since}."
            raise Invalid("parcel_times", detail, at=f"{at}/{name}", earliest=earliest.isoformat())
        earliest, since = moment, "the parcel was shipped"
