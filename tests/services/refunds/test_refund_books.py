"""What a dashboard and a bookkeeper read: sums by hour and day, and the journal of what went back."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.services.refunds.scenes import approve, ask, cancel, collected, delivered, order, prepaid, refunds_of, seen
from tests.services.refunds.test_settlements import report
from tests.shop import Shop, eventually

JOURNAL, FIGURES = "/refunds/v1/refunds/journal", "/refunds/v1/refunds/figures"


async def shown(shop: Shop, **more: str) -> Any:
    """The figures of today and the days beside it."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    span = {"at.gte": (today - timedelta(days=2)).isoformat(), "at.lt": (today + timedelta(days=3)).isoformat()}
    return (await shop.staff.get(FIGURES, params=span | more)).ok()


async def settled_in_parts(shop: Shop) -> tuple[str, str, str]:
    """A refund of 55.00 of which 30.00 were sent, one of JPY 100 that was sent whole, and an open request: the first two, an order."""
    order_id = await delivered(shop, **prepaid())
    first = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    (await approve(shop, first)).ok()
    (await report(shop, first, "card", "=c-1", 1_000)).ok()
    (await report(shop, first, "card", "c-2", outcome="failed")).ok()
    (await report(shop, first, "Bank transfer", "b-1", 2_000)).ok()
    (await report(shop, first, "card", "too much", 9_999)).ok()
    (await ask(shop.customer(), order_id, (1, 1))).ok()
    yen = await order(shop, currency="JPY", payments=[{"amount": 100, "method": "card", "reference": "y"}])
    await seen(shop, yen)
    await collected(shop, yen, 100)
    await cancel(shop.customer(), yen)
    [second] = await refunds_of(shop, yen, 1)
    (await report(shop, second["refund_id"], "card", "y-1")).ok()
    return first, second["refund_id"], order_id


async def test_the_journal_has_what_went_back_once_in_order(shop: Shop) -> None:
    first, second, order_id = await settled_in_parts(shop)
    answer = (await shop.staff.get(JOURNAL)).ok()
    assert answer.headers["content-disposition"] == 'attachment; filename="refund-journal.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["refund_id"], row["method"], row["reference"], row["amount"], row["currency"]) for row in rows] == [
        (first, "card", "'=c-1", "10.00", "BDT"), (first, "bank_transfer", "b-1", "20.00", "BDT"), (second, "card", "y-1", "100", "JPY"),
    ]  # fmt: skip
    assert (rows[0]["order_id"], rows[0]["day"]) == (order_id, rows[0]["occurred_at"][:10])
    for query, wanted in (
        ({"method": "BANK TRANSFER"}, ["b-1"]),
        ({"currency": "JPY"}, ["y-1"]),
        ({"occurred_at.gte": rows[1]["occurred_at"]}, ["b-1", "y-1"]),
        ({"occurred_at.lt": rows[1]["occurred_at"]}, ["=c-1"]),
    ):
        lines = (await shop.platform.get(JOURNAL, params={"format": "jsonl", **query})).ok().content.splitlines()
        assert [json.loads(line)["reference"] for line in lines] == wanted
    entry = json.loads(lines[0])
    assert entry["amount"] == {"amount": 1_000, "currency": "BDT", "decimal": "10.00"}
    assert list(entry) == ["day", "number", "order_id", "refund_id", "method", "reference", "amount", "payment_id", "occurred_at"]
    for stranger in (shop.customer(), shop.caller("guest", order_id)):
        assert (await stranger.get(JOURNAL)).code == "shop_only"


async def nothing_waits(shop: Shop, table: str) -> bool:
    """Whether no delta of the store waits to be folded."""
    rows = await shop.rows("refunds", f"select 1 from {table} where store_id = {{store}} limit 1")
    assert rows == []
    return True


@pytest.mark.parametrize("folded", [False, True])
async def test_figures_are_what_was_requested_credited_approved_and_sent(shop: Shop, *, folded: bool) -> None:
    await settled_in_parts(shop)
    if folded:  # the sweeper of the running service does it
        for name in ("figure_deltas", "to_send_deltas"):
            await eventually(partial(nothing_waits, shop, name))
    for by in ("hour", "day"):
        told = await shown(shop, by=by)
        sums = {
            one["currency"]: (one["requested"], *(one[name]["amount"] for name in ("credited", "paid_back", "sent", "to_send")))
            for one in told["currencies"]
        }
        assert sums == {"BDT": (2, 5_500, 5_500, 3_000, 2_500), "JPY": (0, 100, 100, 100, 0)}
        assert [sum(bucket["sent"]["amount"] for bucket in one["buckets"]) for one in told["currencies"]] == [3_000, 100]
    assert [one["currency"] for one in (await shown(shop, currency="JPY"))["currencies"]] == ["JPY"]
