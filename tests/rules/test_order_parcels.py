"""Parcels: when they can change, what may stand in them, and whose tracking the order shows (real-shops.md 1.2)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.requests.changes import CancelledLine
from services.orders.requests.parcels import ParcelEdit, ParcelInput, TrackingEdit, TrackingInput
from services.orders.rules.parcels import (
    corrected,
    may_change_parcels,
    new_parcel,
    standing,
    tracked,
    tracking_of,
    units_of,
    units_sent,
    unpacked,
    with_parcel,
)
from services.orders.rules.part_cancel import cancelled_units, with_cancelled
from services.orders.rules.room import MAX_PARCELS
from shared.contracts.errors import Failure, Invalid, Refused
from shared.contracts.events import Order, Parcel, ParcelLine, Tracking
from shared.contracts.ids import new_id
from shared.contracts.lifecycle import Fulfilment
from tests.rules.orders import ACTORS, NOW, STAFF, STATUSES, order

LINK = "https://merchant.pathao.com/tracking?consignment_id="
HOUR = timedelta(hours=1)
LATER = NOW + 4 * HOUR


def asked(*lines: tuple[int, int], number: str = "P-1", **more: Any) -> ParcelInput:
    named = [{"line": line, "quantity": units} for line, units in lines]
    return ParcelInput.model_validate({"carrier": "Pathao", "number": number, "lines": named, **more})


def packed(before: Order, request: ParcelInput) -> Order:
    return before.model_copy(update={"parcels": with_parcel(before, new_parcel(request, new_id("parcel"), now=LATER))})


def refusal(before: Order, request: ParcelInput) -> Failure:
    with pytest.raises(Failure) as failure:
        packed(before, request)
    return failure.value


def test_from_confirmed_until_90_days_after_delivery_and_only_by_the_shop() -> None:
    codes = {(status, who): may_change_parcels(order(status), actor, now=NOW).code for status in STATUSES for who, actor in ACTORS.items()}
    shop = ("staff", "platform", "system")
    open_in = ("confirmed", "picked_up", "shipped", "delivered")
    assert {key for key, code in codes.items() if code is None} == {(status, who) for status in open_in for who in shop}
    assert (codes["pending", "staff"], codes["cancelled", "staff"]) == ("parcels_closed", "already_cancelled")
    assert codes["confirmed", "customer"] == "shop_only"
    delivered = order("delivered", delivered_at=NOW)
    assert may_change_parcels(delivered, STAFF, now=NOW + timedelta(days=90)).allowed
    closed = may_change_parcels(delivered, STAFF, now=NOW + timedelta(days=90, microseconds=1))
    assert (closed.code, closed.facts) == ("parcels_closed", {"until": "2026-05-30T12:00:00+00:00"})


@pytest.mark.parametrize(("fulfilment", "steps"), [("pickup", ["picked_up", "delivered"]), ("digital", ["delivered"])])
def test_what_is_not_shipped_has_no_parcels(fulfilment: Fulfilment, steps: list[str]) -> None:
    decision = may_change_parcels(order("confirmed", fulfilment=fulfilment), STAFF, now=NOW)
    assert (decision.code, decision.facts) == ("nothing_is_shipped", {"forward": steps})


def test_case_50_no_more_units_than_the_line_has() -> None:
    two = packed(packed(order("confirmed"), asked((1, 1))), asked((1, 1), number="P-2"))
    refused = refusal(two, asked((1, 1), number="P-3"))
    assert (refused.code, refused.facts) == ("parcel_too_much", {"line": 1, "left": 2, "free": 0, "wanted": 1})
    assert len(packed(two, asked(number="P-3")).parcels) == 3  # it says nothing of its contents
    for lines, code, pointer in (([(9, 1)], "unknown_line", "/lines/0/line"), ([(1, 1), (1, 1)], "line_twice", "/lines/1/line")):
        invalid = refusal(order("confirmed"), asked(*lines))
        assert isinstance(invalid, Invalid)
        assert (invalid.code, invalid.errors[0].pointer) == (code, pointer)


def test_case_50_what_left_in_a_parcel_cannot_be_cancelled() -> None:
    for time in ("shipped_at", "delivered_at"):
        sent = packed(order("shipped"), asked((1, 1), **{time: NOW.isoformat()}))
        with pytest.raises(Refused) as refused:
            cancelled_units(sent, [CancelledLine(line=1, quantity=2)])
        assert (refused.value.code, refused.value.facts) == ("units_in_parcel", {"line": 1, "free": 1, "in_parcels": 1, "wanted": 2})
        assert cancelled_units(sent, [CancelledLine(line=1, quantity=1)])[0].quantity == 1


def test_cancelled_units_come_out_of_parcels_that_have_not_left() -> None:
    before = packed(packed(order("confirmed"), asked((1, 1))), asked((1, 1), number="P-2"))
    lines = with_cancelled(before.lines, cancelled_units(before, [CancelledLine(line=1, quantity=1)]))
    first, second = unpacked(before.parcels, lines)
    assert (first, second) == (before.parcels[0], before.parcels[1].model_copy(update={"lines": ()}))
    assert unpacked(before.parcels, before.lines) == before.parcels


@pytest.mark.parametrize(
    ("shipped", "delivered", "pointer"),
    [
        (0, 0, None), (1, None, None), (None, 1, None), (1, 2, None), (-1, None, "/shipped_at"), (None, -1, "/delivered_at"),
        (2, 1, "/delivered_at"),
    ],
)  # fmt: skip
def test_it_is_placed_then_shipped_then_delivered(shipped: int | None, delivered: int | None, pointer: str | None) -> None:
    hours = {"shipped_at": shipped, "delivered_at": delivered}
    request = asked(**{name: (NOW + at * HOUR).isoformat() for name, at in hours.items() if at is not None})
    if pointer is None:
        [parcel] = packed(order("shipped"), request).parcels
        assert [parcel.shipped_at, parcel.delivered_at] == [None if at is None else NOW + at * HOUR for at in hours.values()]
        return
    invalid = refusal(order("shipped"), request)
    assert isinstance(invalid, Invalid)
    assert (invalid.code, invalid.errors[0].pointer) == ("parcel_times", pointer)


def test_a_time_slightly_ahead_is_now_and_a_later_one_is_refused() -> None:
    [parcel] = packed(order("shipped"), asked(shipped_at=(LATER + timedelta(seconds=60)).isoformat())).parcels
    assert parcel.shipped_at == LATER
    assert refusal(order("shipped"), asked(shipped_at=(LATER + timedelta(seconds=61)).isoformat())).code == "in_the_future"


def test_at_most_50_parcels_and_what_fits_into_an_event() -> None:
    parcels = tuple(Parcel(parcel_id=new_id("parcel"), carrier="c", number=str(n)) for n in range(MAX_PARCELS))
    full = order("confirmed", parcels=parcels)
    refused = refusal(full, asked())
    assert (refused.code, refused.facts["parcels"], refused.facts["most"]) == ("too_many_parcels", 51, 50)
    eighth = corrected(parcels[7], ParcelEdit(number="x"), now=LATER)
    assert with_parcel(full, eighth) == (*parcels[:7], eighth, *parcels[8:])
    long = asked(url="https://example.com/" + "\x01" * 1_900)
    some = order("confirmed")
    for _ in range(5):
        some = packed(some, long)
    refused = refusal(some, long)
    assert (refused.code, refused.facts["parcels"], refused.facts["bytes"] > refused.facts["most_bytes"]) == ("too_many_parcels", 6, True)


def test_a_patch_merges_and_the_carriers_link_follows_the_number() -> None:
    parcel = new_parcel(asked((1, 1), shipped_at=NOW.isoformat()), new_id("parcel"), now=LATER)
    assert parcel.url == f"{LINK}P-1"

    def patched(one: Parcel, **edit: Any) -> Parcel:
        return corrected(one, ParcelEdit.model_validate(edit), now=LATER)

    assert patched(parcel) == parcel
    assert patched(parcel, number="P-2") == parcel.model_copy(update={"number": "P-2", "url": f"{LINK}P-2"})
    own = patched(parcel, url="https://example.com/1")
    assert patched(own, number="P-2").url == "https://example.com/1"
    without = patched(parcel, url=None, lines=None, shipped_at=None)
    assert (without.url, without.lines, without.shipped_at) == (None, (), None)
    assert patched(without, delivered_at=NOW.isoformat()).url is None
    with pytest.raises(ValueError, match="a parcel has a carrier and a number"):
        ParcelEdit.model_validate({"number": None})


def test_tracking_is_that_of_the_first_parcel_and_writing_it_corrects_that_one() -> None:
    new = new_id("parcel")
    one = order("shipped", parcels=tracked(order("shipped"), TrackingInput(carrier="Pathao", number="P-1"), new, now=LATER))
    assert [parcel.parcel_id for parcel in one.parcels] == [new]
    assert tracking_of(one.parcels) == Tracking(carrier="Pathao", number="P-1", url=f"{LINK}P-1")
    two = packed(one, asked((1, 1), number="P-2"))
    assert tracking_of(two.parcels) == tracking_of(one.parcels)
    said = TrackingInput.model_validate({"carrier": "RedX", "number": "R", "lines": [{"line": 1, "quantity": 1}]})
    first, second = tracked(two, said, new_id("parcel"), now=LATER)
    assert (first.parcel_id, first.carrier, first.number, second) == (new, "RedX", "R", two.parcels[1])
    assert first.lines == (ParcelLine(line=1, quantity=1),)
    again = two.model_copy(update={"parcels": (first, second)})
    kept, _ = tracked(again, TrackingInput(carrier="RedX", number="S"), new_id("parcel"), now=LATER)
    assert (kept.number, kept.lines) == ("S", first.lines)
    edited, _ = tracked(two, TrackingEdit(number="P-9"), new_id("parcel"), now=LATER)
    assert edited == two.parcels[0].model_copy(update={"number": "P-9", "url": f"{LINK}P-9"})
    with pytest.raises(Invalid) as incomplete:
        tracked(order("shipped"), TrackingEdit(number="P-9"), new_id("parcel"), now=LATER)
    assert [error.pointer for error in incomplete.value.errors] == ["/tracking/carrier"]


def test_an_erased_number_is_not_tracked_and_an_old_order_has_its_one_parcel() -> None:
    one = packed(order("shipped"), asked())
    forgotten = one.forgotten()
    assert (tracking_of(forgotten.parcels), forgotten.parcels[0].number) == (None, "")
    old, its = Tracking(carrier="Pathao", number="P-1"), new_id("parcel")
    assert standing((), old, its) == (Parcel(parcel_id=its, carrier="Pathao", number="P-1"),)
    assert (standing((), None, its), standing(one.parcels, old, its)) == ((), one.parcels)


lines = st.lists(st.integers(1, 3), max_size=2).map(lambda units: list(enumerate(units, start=1)))
acts = st.one_of(
    st.tuples(st.just("add"), lines, st.booleans()),
    st.tuples(st.just("correct"), st.integers(0, 5), lines),
    st.tuples(st.just("ship"), st.integers(0, 5)),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("cancel"), st.integers(1, 2), st.integers(1, 3)),
    st.tuples(st.just("track"), st.text("AB", min_size=1, max_size=2)),
)


@given(st.lists(acts, max_size=25))
def test_no_life_packs_more_than_is_left_or_cancels_what_was_sent(life: list[Any]) -> None:
    """Whatever is done in whatever order, refused or not: units in parcels ≤ units left, and tracking is the first parcel's."""
    base = order("confirmed").lines[0]
    now = order("confirmed", lines=(base.model_copy(update={"quantity": 4}), base.model_copy(update={"line": 2, "quantity": 3})))
    for kind, *what in life:
        before = now
        try:
            now = _lived(now, kind, *what, at=NOW)
        except (Invalid, Refused):
            assert now is before
        left = {line.line: line.left for line in now.lines}
        assert all(units <= left[line] for line, units in units_of(now.parcels).items())
        assert all(number >= 0 for number in left.values())
        if kind == "cancel":
            assert units_sent(now) == units_sent(before)
            assert [one.parcel_id for one in now.parcels] == [one.parcel_id for one in before.parcels]
        first = now.parcels[0] if now.parcels else None
        assert tracking_of(now.parcels) == (first and Tracking(carrier=first.carrier, number=first.number, url=first.url))


def _lived(now: Order, kind: str, *what: Any, at: datetime) -> Order:
    if kind == "add":
        named, sent = what
        return packed(now, asked(*named, **({"shipped_at": at.isoformat()} if sent else {})))
    if kind == "track":
        return now.model_copy(update={"parcels": tracked(now, TrackingInput(carrier="X", number=what[0]), new_id("parcel"), now=at)})
    if kind == "cancel":
        more = with_cancelled(now.lines, cancelled_units(now, [CancelledLine(line=what[0], quantity=what[1])]))
        return now.model_copy(update={"lines": more, "parcels": unpacked(now.parcels, more)})
    if what[0] >= len(now.parcels):
        return now
    one = now.parcels[what[0]]
    if kind == "remove":
        return now.model_copy(update={"parcels": tuple(other for other in now.parcels if other is not one)})
    named = [{"line": line, "quantity": units} for line, units in what[1]] if kind == "correct" else None
    edit = ParcelEdit.model_validate({"lines": named} if kind == "correct" else {"shipped_at": at.isoformat()})
    return now.model_copy(update={"parcels": with_parcel(now, corrected(one, edit, now=at))})
