"""Who may write, edit, retract and see which notes, and what a text may be: tables over every kind of caller."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notes.requests import MAX_TEXT_CHARACTERS
from services.notes.rules import PROBLEMS
from services.notes.rules.writing import (
    may_edit,
    may_mark_read,
    may_retract,
    may_write,
    plain_text,
    side_of,
    visible_audiences,
)
from services.notes.state import Audience, Note, Side
from shared.contracts.actor import WHO, Actor, system
from shared.contracts.errors import Invalid

STAFF = Actor("s", "staff", "asha")
PLATFORM = Actor("s", "platform", "shopfront")
CUSTOMER = Actor("s", "customer", "c1")
ON_BEHALF = Actor("s", "customer", "c1", via="shopfront")
GUEST = Actor("s", "guest", "order_1")
SYSTEM = system("s", "notes")
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def note_of(side: Side, *, retracted: bool) -> Note:
    """A note to the customer."""
    return Note(
        store_id="s", note_id="note_1", order_id="order_1", audience="customer", side=side, by_role="staff", by_id="asha", by_via=None,
        text="Ready.", revision=1, written_at=NOW, edited_at=None, retracted_at=NOW if retracted else None, retracted_by_side=None,
        erased_at=None, customer_read_at=None, shop_read_at=None, shop_position=1, customer_position=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("actor", "audience", "answers", "expected"),
    [
        (STAFF, "customer", True, None),
        (STAFF, "private", True, None),
        (STAFF, "private", False, None),
        (STAFF, "customer", False, None),
        (PLATFORM, "customer", False, None),
        (PLATFORM, "private", False, None),
        (SYSTEM, "private", False, None),
        (CUSTOMER, "customer", True, None),
        (CUSTOMER, "customer", False, "answers_off"),
        (CUSTOMER, "private", True, "shop_only"),
        (CUSTOMER, "private", False, "shop_only"),
        (ON_BEHALF, "customer", True, None),
        (ON_BEHALF, "private", True, "shop_only"),
        (ON_BEHALF, "customer", False, "answers_off"),
        (GUEST, "customer", True, "read_only"),
        (GUEST, "private", True, "read_only"),
    ],
)
def test_who_may_write(actor: Actor, audience: Audience, answers: bool, expected: str | None) -> None:
    assert may_write(actor, audience, answers_allowed=answers).code == expected


@pytest.mark.parametrize(
    ("actor", "side", "retracted", "answers", "refusals"),
    [
        (STAFF, "shop", False, True, (None, None)),
        (STAFF, "shop", True, True, ("retracted", "already_retracted")),
        (STAFF, "customer", False, True, ("author_only", None)),
        (STAFF, "customer", True, True, ("author_only", "already_retracted")),
        (PLATFORM, "shop", False, False, (None, None)),
        (CUSTOMER, "customer", False, True, (None, None)),
        (CUSTOMER, "customer", False, False, ("answers_off", None)),
        (CUSTOMER, "customer", True, True, ("retracted", "already_retracted")),
        (CUSTOMER, "shop", False, True, ("author_only", "author_only")),
        (CUSTOMER, "shop", True, True, ("author_only", "author_only")),
        (ON_BEHALF, "customer", False, True, (None, None)),
        (GUEST, "customer", False, True, ("read_only", "read_only")),
        (GUEST, "shop", False, True, ("author_only", "read_only")),
    ],
)
def test_who_may_edit_and_retract(
    actor: Actor, side: Side, retracted: bool, answers: bool, refusals: tuple[str | None, str | None]
) -> None:
    note = note_of(side, retracted=retracted)
    assert (may_edit(actor, note, answers_allowed=answers).code, may_retract(actor, note).code) == refusals


@pytest.mark.parametrize(
    ("actor", "audiences", "side"),
    [
        (STAFF, {"customer", "private"}, "shop"),
        (PLATFORM, {"customer", "private"}, "shop"),
        (SYSTEM, {"customer", "private"}, "shop"),
        (CUSTOMER, {"customer"}, "customer"),
        (ON_BEHALF, {"customer"}, "customer"),
        (GUEST, {"customer"}, "customer"),
    ],
)
def test_who_sees_what_and_speaks_for_whom(actor: Actor, audiences: set[str], side: Side) -> None:
    assert set(visible_audiences(actor)) == audiences
    assert side_of(actor) == side


def test_only_a_guest_has_no_read_marks() -> None:
    assert [may_mark_read(actor).code for actor in (STAFF, PLATFORM, CUSTOMER, ON_BEHALF)] == [None] * 4
    assert may_mark_read(GUEST).code == "read_only"


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("Left with the neighbour.", "Left with the neighbour."),
        ("two\r\nlines\rthree\n", "two\nlines\nthree\n"),
        ("\tindented", "\tindented"),
        ("<script>alert(1)</script> {{7*7}} #panic()", "<script>alert(1)</script> {{7*7}} #panic()"),
        ("https://track.example/1?a=b&c=d", "https://track.example/1?a=b&c=d"),
        ("আপনার অর্ডার পথে আছে।", "আপনার অর্ডার পথে আছে।"),
        ("مرحبا \u200f", "مرحبا \u200f"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("x" * MAX_TEXT_CHARACTERS, "x" * MAX_TEXT_CHARACTERS),
        ("🙂" * MAX_TEXT_CHARACTERS, "🙂" * MAX_TEXT_CHARACTERS),
    ],
)
def test_text_is_kept_as_written(given_text: str, kept: str) -> None:
    assert plain_text(given_text) == kept


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "\n\t ",
        "\u00a0\u2003",
        "\u200b\u202e",
        "nul\x00",
        "bell\x07",
        "escape\x1b[31m",
        "c1\x85",
        "lone\ud800",
        "x" * (MAX_TEXT_CHARACTERS + 1),
    ],
)
def test_text_that_is_refused(bad: str) -> None:
    with pytest.raises(Invalid) as refusal:
        plain_text(bad)
    assert refusal.value.code == "bad_text"
    assert [error.pointer for error in refusal.value.errors] == ["/text"]
    assert not bad.strip() or bad not in str(refusal.value), "a refusal never repeats the text"


@given(st.text(max_size=200))
def test_kept_text_is_stable_and_storable(text: str) -> None:
    try:
        kept = plain_text(text)
    except Invalid:
        return
    assert plain_text(kept) == kept
    assert "\x00" not in kept
    assert "\r" not in kept
    assert kept.encode().decode() == kept
    assert kept.split() == text.split()


def test_every_refusal_is_explained() -> None:
    codes = {
        decision.code
        for actor in (STAFF, PLATFORM, CUSTOMER, GUEST)
        for side in ("shop", "customer")
        for retracted in (True, False)
        for answers in (True, False)
        for decision in (
            may_write(actor, "private" if side == "shop" else "customer", answers_allowed=answers),
            may_edit(actor, note_of(side, retracted=retracted), answers_allowed=answers),
            may_retract(actor, note_of(side, retracted=retracted)),
            may_mark_read(actor),
        )
    } - {None}
    assert codes <= PROBLEMS.keys() | WHO.keys()
    assert {"read_only", "author_only", "retracted", "already_retracted", "answers_off"} <= codes
