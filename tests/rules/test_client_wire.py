"""What the client makes of its arguments, of answers of a later server, and of the lines of a live stream."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime

import pytest

from kit.client.answers.orders import OrderSummaryView
from kit.client.answers.shared import ByView, MoneyView
from kit.client.answers.stock import LevelView
from kit.client.call import Call, new_key, segment
from kit.client.streams import Position, StreamEvent, frames

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def test_a_query_is_text_and_a_list_is_repeated() -> None:
    query = {"status": ["pending", "shipped"], "overdue": True, "bom": False, "at.gte": AT, "day": date(2026, 1, 31), "below": 3, "q": None}
    assert Call("GET", "/", query=query).parameters == (
        ("status", "pending"), ("status", "shipped"), ("overdue", "true"), ("bom", "false"),
        ("at.gte", "2026-01-31T09:30:00+00:00"), ("day", "2026-01-31"), ("below", "3"),
    )  # fmt: skip
    assert Call("GET", "/", query={"status": "pending"}).parameters == (("status", "pending"),)


def test_what_can_be_repeated() -> None:
    calls = [Call("GET", "/"), Call("POST", "/", key="k"), Call("POST", "/", writes=False), Call("POST", "/"), Call("DELETE", "/")]
    assert [call.repeatable for call in calls] == [True, True, True, False, False]


def test_an_id_is_one_segment() -> None:
    assert [segment(name) for name in (".", "..", "a.b", "")] == ["%2E", "%2E%2E", "a.b", ""]
    assert segment("শাড়ি/1 ?#%") == "%E0%A6%B6%E0%A6%BE%E0%A6%A1%E0%A6%BC%E0%A6%BF%2F1%20%3F%23%25"
    assert len({new_key() for _ in range(100)}) == 100


def test_what_a_later_server_adds_breaks_nothing() -> None:
    said = b'{"sku":"TEE-1","on_hand":7,"version":3,"changed_at":"2026-01-31T09:30:00Z","reserved":{"units":2}}'
    level = LevelView.received(said, '"v3.abc"', replayed=False)
    assert level == LevelView(sku="TEE-1", on_hand=7, version=3, changed_at=AT)
    assert (level.etag, level.replayed, hasattr(level, "reserved")) == ('"v3.abc"', False, False)
    assert ByView.received(b'{"role":"courier"}', None, replayed=True).role == "courier"
    money = MoneyView(amount=100, currency="BDT", decimal="1.00")
    order = OrderSummaryView(
        order_id="order_1", version=1, number="1", external_ref=None, placed_at=AT, customer_id="c-1", customer_name="", status="lost",
        payment="paid", refund_state="none", total=money, collected=money, due=money, refunded_total=money,
        unit_count=1, fulfilment="shipping", delivery_failed_at=None, needs_attention=[], updated_at=AT,
    )  # fmt: skip
    assert order.status == "lost"


def test_an_answer_without_an_etag_says_so() -> None:
    with pytest.raises(LookupError, match="this MoneyView came without an ETag"):
        _ = MoneyView(amount=1, currency="BDT", decimal="0.01").etag


async def stream(lines: Sequence[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def test_the_frames_of_a_stream() -> None:
    lines = [
        ": following", "id: 4", "retry: 1000", "",
        ": still here", "",
        "id: 5", "event: order", 'data: {"version":5,', 'data: "status":"shipped"}', "",
        "event: note", 'data:{"note_id":"n"}', "",
        "id: 6", "data: {}",
    ]  # fmt: skip
    assert [one async for one in frames(stream(lines))] == [
        Position(4),
        StreamEvent(5, "order", {"version": 5, "status": "shipped"}),
        StreamEvent(5, "note", {"note_id": "n"}),
    ]
