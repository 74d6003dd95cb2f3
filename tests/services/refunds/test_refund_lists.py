"""The staff's list: order number, request date and status first; filters, pages, counts, ages."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.refunds.scenes import approve, ask, cancel, delivered, order, pay, prepaid, refunds_of, withdraw
from tests.shop import Shop, eventually

LINES = [{"sku": "A", "name": "A", "quantity": 9, "total": 9_000}]


async def some(shop: Shop) -> dict[str, str]:
    """One refund of each status, and an automatic one."""
    order_id = await delivered(shop, lines=LINES, **prepaid(10_000))
    ids = {}
    for name in ("processing", "approved", "cancelled"):
        ids[name] = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    (await approve(shop, ids["approved"])).ok()
    (await withdraw(shop.customer(), ids["cancelled"])).ok()
    other = await order(shop, customer={"id": "c-2"}, **prepaid(10_000))
    await cancel(shop.customer("c-2"), other)
    [automatic] = await refunds_of(shop, other, 1)
    return ids | {"automatic": automatic["refund_id"], "order": order_id, "other": other}


async def listed(shop: Shop, **query: str) -> list[str]:
    """Ids of a list, over all its pages of two."""
    ids: list[str] = []
    while True:
        page = (await shop.staff.get("/refunds/v1/refunds", params={"limit": "2", **query})).ok()
        assert len(page["items"]) <= 2
        ids += [item["refund_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        assert 'rel="next"' in page.headers["link"]
        query["cursor"] = page["next_cursor"]


async def test_the_list_begins_with_what_the_seed_asks_for(shop: Shop) -> None:
    ids = await some(shop)
    page = (await shop.staff.get("/refunds/v1/refunds")).ok()
    assert list(page["items"][0])[:3] == ["order_number", "requested_at", "status"]
    assert await listed(shop) == [ids[name] for name in ("automatic", "cancelled", "approved", "processing")]


async def test_filters(shop: Shop) -> None:
    ids = await some(shop)
    number = (await shop.staff.get(f"/orders/v1/orders/{ids['order']}")).ok()["number"]
    requested = [ids["cancelled"], ids["approved"], ids["processing"]]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for query, expected in (
        ({"status": "processing"}, [ids["processing"]]),
        ({"status": "approved"}, [ids["automatic"], ids["approved"]]),
        ({"cause": "cancellation"}, [ids["automatic"]]),
        ({"settlement": "unsettled"}, [ids["automatic"], ids["approved"]]),
        ({"order_id": ids["order"]}, requested),
        ({"order_number": number}, requested),
        ({"customer_id": "c-2"}, [ids["automatic"]]),
        ({"q": number}, requested),
        ({"q": "c-2"}, [ids["automatic"]]),
        ({"q": "%"}, []),
        ({"requested_at.gte": tomorrow}, []),
        ({"requested_at.lt": tomorrow, "status": "cancelled"}, [ids["cancelled"]]),
        ({"overdue": "true"}, []),
    ):
        assert await listed(shop, **query) == expected, query


@pytest.mark.parametrize(
    "query", [{"status": "open"}, {"limit": "0"}, {"limit": "201"}, {"cursor": "x"}, {"colour": "red"}, {"requested_at.gte": "yesterday"}]
)
async def test_a_wrong_question_is_refused(shop: Shop, query: dict[str, Any]) -> None:
    assert (await shop.staff.get("/refunds/v1/refunds", params=query)).status == 422


async def test_a_customer_sees_their_own(shop: Shop) -> None:
    ids = await some(shop)
    mine = (await shop.customer("c-2").get("/refunds/v1/refunds")).ok()
    assert [item["refund_id"] for item in mine["items"]] == [ids["automatic"]]
    assert (await shop.customer("c-2").get("/refunds/v1/refunds", params={"customer_id": "c-1"})).ok()["items"] == []


async def test_a_guest_reads_the_refunds_of_one_order(shop: Shop) -> None:
    ids = await some(shop)
    guest = shop.caller("guest", ids["other"])
    assert [item["refund_id"] for item in (await guest.get("/refunds/v1/refunds")).ok()["items"]] == [ids["automatic"]]
    assert (await guest.get(f"/refunds/v1/refunds/{ids['approved']}")).status == 404
    assert (await ask(guest, ids["other"], (1, 1))).code == "read_only"


async def test_counts_ages_and_the_overdue_mark(shop: Shop) -> None:
    ids = await some(shop)
    counts = (await shop.staff.get("/refunds/v1/refunds/counts")).ok()
    assert {name: counts[name] for name in ("processing", "approved", "cancelled", "overdue")} == {
        "processing": 1,
        "approved": 2,
        "cancelled": 1,
        "overdue": 0,
    }
    assert 0 <= counts["median_seconds_to_decide"] < 60
    late = "update refunds set requested_at = requested_at - interval '3 days', overdue_at = overdue_at - interval '3 days'"
    await shop.rows("refunds", f"{late} where store_id = {{store}} and status = 'processing'")
    [item] = (await shop.staff.get("/refunds/v1/refunds", params={"overdue": "true"})).ok()["items"]
    assert (item["refund_id"], item["overdue"], item["age_seconds"] >= 3 * 86_400) == (ids["processing"], True, True)
    assert (await shop.staff.get("/refunds/v1/refunds/counts"))["overdue"] == 1
    theirs = (await shop.customer("c-2").get("/refunds/v1/refunds/counts")).ok()
    assert [theirs[name] for name in ("processing", "approved", "cancelled", "overdue")] == [0, 1, 0, 0]

    async def folded() -> bool:
        return not await shop.rows("refunds", "select 1 from count_deltas where store_id = {store}")

    await eventually(folded)
    again = (await shop.staff.get("/refunds/v1/refunds/counts")).ok()
    assert [again[name] for name in ("processing", "approved", "cancelled", "overdue")] == [1, 2, 1, 1]


async def test_an_overpaid_order_gives_everything_back(shop: Shop) -> None:
    order_id = await order(shop, **prepaid(11_000))
    await pay(shop, order_id, 500)
    await cancel(shop.customer(), order_id)
    [refund] = await refunds_of(shop, order_id, 1)
    assert (refund["amount"]["amount"], refund["goods"]["amount"], refund["shipping"]["amount"], refund["overpaid"]["amount"]) == (
        11_500,
        10_000,
        1_000,
        500,
    )


async def test_the_export_holds_what_the_list_holds(shop: Shop) -> None:
    ids = await some(shop)
    rows = list(csv.DictReader(io.StringIO((await shop.staff.get("/refunds/v1/refunds/export")).ok().content.decode())))
    assert [row["refund_id"] for row in rows] == await listed(shop)
    assert {row["refund_id"]: row["amount_decimal"] for row in rows}[ids["approved"]] == "11.11"
    lines = (await shop.staff.get("/refunds/v1/refunds/export", params={"format": "jsonl", "status": "approved"})).ok().content
    assert [json.loads(line)["refund_id"] for line in lines.splitlines()] == [ids["automatic"], ids["approved"]]
    mine = (await shop.customer("c-2").get("/refunds/v1/refunds/export", params={"format": "jsonl"})).ok().content
    assert [json.loads(line)["refund_id"] for line in mine.splitlines()] == [ids["automatic"]]
    assert (await shop.staff.get("/refunds/v1/refunds/export", params={"format": "xls"})).status == 422


async def test_no_cell_of_the_export_is_a_formula(shop: Shop) -> None:
    order_id = await delivered(shop, customer={"id": "=cmd|' /C calc'!A0"}, **prepaid())
    (await ask(shop.customer("=cmd|' /C calc'!A0"), order_id, (1, 1))).ok()
    [row] = csv.DictReader(io.StringIO((await shop.staff.get("/refunds/v1/refunds/export")).ok().content.decode()))
    assert row["customer_id"] == "'=cmd|' /C calc'!A0"
