"""Who issues documents, as tables and properties: the mode of each fact's time, what a credit is about, and where series start."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.documents.rules.due import Basis, basis_of, due_documents, invoice_mode, waiting_documents
from services.documents.rules.modes import changed, first_moment, first_number, may_start
from services.documents.state.issuing import ALL_HERE, MODED, Mode, ModeChange, Moded, Modes, SaidMode, Start
from shared.contracts.events import ExternalDocument, Order
from shared.contracts.ids import new_id
from tests.rules.test_document_due import NOW, REFUND, order, payment, refund

MODES: tuple[Mode, ...] = get_args(Mode)
LATER = NOW + timedelta(days=1)


def only(kind: Moded, mode: Mode, since: datetime = NOW) -> Modes:
    """A store that changed one mode once."""
    return Modes((ModeChange(kind, since, mode, 1),))


def named(one: Order, *versions: int) -> Order:
    """The order once these versions have named an invoice each."""
    documents = [
        ExternalDocument(kind="invoice", number=f"F-{version}", issued_on=NOW.date(), order_version=version) for version in versions
    ]
    return one.model_copy(update={"external_documents": tuple(documents)})


def test_a_mode_is_of_its_moment() -> None:
    modes = Modes((ModeChange("invoice", NOW, "off", 1), ModeChange("receipt", NOW, "off", 1), ModeChange("invoice", LATER, "on", 2)))
    moments = (NOW - timedelta(microseconds=1), NOW, LATER - timedelta(microseconds=1), LATER)
    assert [modes.at("invoice", moment) for moment in moments] == ["on", "off", "off", "on"]
    assert [modes.at("receipt", moment) for moment in moments] == ["on", "off", "off", "off"]
    assert {modes.at("credit_note", moment) for moment in moments} == {"on"}


def test_a_day_begins_where_the_store_is() -> None:
    assert first_moment(date(2027, 1, 1), "Asia/Dhaka") == datetime(2026, 12, 31, 18, tzinfo=UTC)
    wanted = {"invoice": SaidMode(mode="off", starts=date(2027, 1, 1))}
    assert changed(ALL_HERE, wanted, "Asia/Dhaka", 1, now=NOW).changes[0].since == datetime(2026, 12, 31, 18, tzinfo=UTC)


def test_a_day_that_has_begun_means_from_now_on() -> None:
    for day in (NOW.date(), NOW.date() - timedelta(days=400)):
        assert changed(ALL_HERE, {"invoice": SaidMode(mode="off", starts=day)}, "UTC", 1, now=NOW) == only("invoice", "off")


WANTED = st.dictionaries(
    st.sampled_from(MODED),
    st.builds(SaidMode, mode=st.sampled_from(MODES), starts=st.none() | st.dates(date(2026, 11, 20), date(2026, 12, 9))),
)


@given(saves=st.lists(st.tuples(st.integers(1, 200), WANTED), max_size=8), asked=st.integers(0, 1600), kind=st.sampled_from(MODED))
def test_no_save_changes_what_was_in_force_before_it(saves: list[tuple[int, dict[Any, SaidMode]]], asked: int, kind: Any) -> None:
    """Hours between saves: whatever a moment's mode was once it had come, it stays. What is said is in force by its day at the latest."""
    moment, modes, at = NOW, ALL_HERE, NOW + timedelta(hours=asked)
    seen: Mode | None = None
    for version, (hours, wanted) in enumerate(saves, start=1):
        moment += timedelta(hours=hours)
        if at < moment and seen is None:
            seen = modes.at(kind, at)
        modes = changed(modes, wanted, "Asia/Dhaka", version, now=moment)
        said = wanted.get(kind, SaidMode())
        begins = moment if said.starts is None else max(moment, first_moment(said.starts, "Asia/Dhaka"))
        assert modes.at(kind, begins) == said.mode
    if seen is not None:
        assert modes.at(kind, at) == seen
    of_kind = [one for one in modes.changes if one.kind == kind]
    assert all(one.mode != other.mode for one, other in pairwise(of_kind))


@pytest.mark.parametrize(
    ("mode", "versions", "expected"),
    [
        ("on", (1, 3), Basis("ours")),
        ("off", (), Basis("none")),
        ("off", (3,), Basis("none")),
        ("elsewhere", (), Basis("awaited")),
        *[(mode, (1,), "F-1") for mode in ("off", "elsewhere")],
        *[(mode, (1, 2, 3), "F-2") for mode in ("off", "elsewhere")],
        ("elsewhere", (3, 4), "F-3"),
    ],
)
def test_what_a_credit_decided_on_version_2_is_about(mode: Mode, versions: tuple[int, ...], expected: Basis | str) -> None:
    one = named(order("delivered", version=5), *versions)
    found = basis_of(one, 2, only("invoice", mode))
    assert found == expected or (found.invoice == "external" and found.external is not None and found.external.number == expected)


@pytest.mark.parametrize("mode", MODES)
def test_an_order_of_the_past_is_invoiced_by_nobody_here(mode: Mode) -> None:
    past = order("delivered").model_copy(update={"imported": True})
    assert invoice_mode(past, only("invoice", mode)) == "off"
    assert basis_of(past, 2, only("invoice", mode)) == Basis("none")


def test_a_cancelling_receipt_follows_its_receipt() -> None:
    first, back = payment(new_id("payment"), 3000, 3), payment(new_id("payment"), -3000, 4)
    back = back.model_copy(update={"reverses": first.payment_id, "recorded_at": LATER})
    paid = order("pending", payments=(first, back))
    assert [one.kind for one in due_documents(paid, [], only("receipt", "off", LATER))] == ["receipt", "cancelling_receipt"]
    on_again = Modes((ModeChange("receipt", NOW, "off", 1), ModeChange("receipt", LATER, "on", 2)))
    assert due_documents(paid, [], on_again) == []


CHANGES = st.lists(st.tuples(st.sampled_from(MODED), st.sampled_from(MODES), st.integers(-2, 2)), max_size=6)


@given(
    status=st.sampled_from([("delivered", None), ("cancelled", "pending"), ("cancelled", "shipped")]),
    refunds=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["request", "cancellation", "payment", "overpaid"]), st.integers(0, 900)), max_size=4
    ),
    names=st.sets(st.integers(1, 8), max_size=3),
    changes=CHANGES,
    data=st.data(),
)
def test_copies_of_any_age_find_the_same(
    status: tuple[str, str | None], refunds: list[tuple[int, str, int]], names: set[int], changes: list[Any], data: st.DataObject
) -> None:
    """Whatever an older copy of the order has issued, the newest one requires, too, with the same number: nothing is issued in vain."""
    modes = Modes(
        tuple(sorted((ModeChange(kind, NOW + timedelta(days=days), mode, 1) for kind, mode, days in changes), key=lambda one: one.since))
    )
    facts = [
        refund(REFUND[:-1] + str(index), 100, version=version, cause=cause, kept=kept)
        for index, (version, cause, kept) in enumerate(refunds)
    ]
    whole = order(status[0], cancelled_from=status[1], version=8).model_copy(update={"confirmed_at": NOW})
    newest = named(whole, *sorted(names))
    age = data.draw(st.integers(2, 8))
    older = named(whole.model_copy(update={"version": age}), *sorted(one for one in names if one <= age))
    then, now = due_documents(older, facts, modes), due_documents(newest, facts, modes)
    assert {one.key for one in then} <= {one.key for one in now}
    assert set(then) <= set(now)
    for one in facts:
        if one.order_version <= age and basis_of(older, one.order_version, modes).invoice != "awaited":
            assert basis_of(older, one.order_version, modes) == basis_of(newest, one.order_version, modes)
    waits = waiting_documents(newest, facts, modes)
    assert not {one.key for one in waits} & {one.key for one in now}
    assert not (waits and names)
    # what costs nothing to decide (rules.due, commands.issuing): no document without one of these, in any mode
    possible = {one.key for one in due_documents(newest, facts)} | {("refund", one.refund_id) for one in facts}
    assert {one.key for one in now} <= possible
    alone = due_documents(newest, [], modes)
    assert not alone or due_documents(newest, [])


def test_a_series_keeps_the_number_that_it_began_with() -> None:
    assert may_start({"invoice": 7}, [], 2026).allowed
    assert may_start({"invoice": 7, "receipt": 9}, [("invoice", 7)], 2026).allowed
    refused = may_start({"invoice": 8}, [("invoice", 7)], 2026)
    assert (refused.code, refused.facts) == ("series_begun", {"kind": "invoice", "year": 2026, "first": 7})
    starts = {"invoice": Start(year=2026, first=42)}
    assert [first_number(starts, "invoice", year) for year in (2025, 2026, 2027)] == [1, 42, 1]
    assert first_number(starts, "receipt", 2026) == 1
