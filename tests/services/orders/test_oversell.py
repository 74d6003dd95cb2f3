"""A store that sells what is not there: levels below 0, what orders are short of, and until when staff look at it (real-shops.md 1.10)."""

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import pytest

from tests.services.orders.test_amendments import CAP, amend, everything, on_hand
from tests.services.orders.test_placing import SETTINGS, nothing_written, stocked
from tests.services.refunds.scenes import ask, seen
from tests.shop import Answer, Shop, eventually, order_p


async def selling(shop: Shop, oversell: str, **levels: int) -> None:
    """Save the setting, and count these SKUs (`TEE_1` is TEE-1)."""
    version = (await shop.staff.get("/orders/v1/orders-settings")).ok()["version"]
    body, match = SETTINGS | {"oversell": oversell}, {"If-Match": f'"v{version}"'}
    saved = (await shop.staff.put("/orders/v1/orders-settings", json=body, headers=match)).ok()
    assert saved["oversell"] == oversell
    for sku, level in levels.items():
        (await shop.staff.put(f"/orders/v1/stock/{sku.replace('_', '-')}", json={"on_hand": level})).ok()


def line(sku: str, quantity: int) -> dict[str, Any]:
    return {"sku": sku, "name": sku, "quantity": quantity, "unit_price": 5_000}


async def place(shop: Shop, *lines: tuple[str, int], **more: Any) -> Answer:
    return await shop.platform.post("/orders/v1/orders", json=order_p(lines=[line(*one) for one in lines]), **more)


async def movements(shop: Shop, sku: str) -> list[tuple[int, int, bool]]:
    """The ledger of a SKU, oldest first: quantity, level, whether it took what was not there."""
    page = (await shop.staff.get(f"/orders/v1/stock/{sku}/movements")).ok()["items"]
    return [(one["quantity"], one["on_hand"], one["oversold"]) for one in reversed(page)]


async def test_case_44(shop: Shop) -> None:
    await stocked(shop, TEE_1=2)
    refused = await place(shop, ("TEE-1", 5))
    assert (refused.status, refused.code, refused["short"]) == (409, "out_of_stock", [{"sku": "TEE-1", "on_hand": 2, "ordered": 5}])
    await nothing_written(shop)
    assert await on_hand(shop, "TEE-1") == [2]

    await selling(shop, "allow")
    placed = (await place(shop, ("TEE-1", 5), key="the-same")).ok()
    assert (placed["oversold"], placed["needs_attention"]) == ([{"sku": "TEE-1", "short": 3}], ["oversold"])
    assert await on_hand(shop, "TEE-1") == [-3]
    repeated = (await place(shop, ("TEE-1", 5), key="the-same")).ok()
    assert (repeated.content, repeated.replayed) == (placed.content, True)
    shown = (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok().body
    assert {name: shown[name] for name in placed.body} == placed.body
    told = (await shop.events("orders", "sku:TEE-1"))[-1]
    assert (told["type"], told["data"]["quantity"], told["data"]["on_hand"]) == ("stock.moved.v1", -5, -3)

    (await shop.customer().post(f"/orders/v1/orders/{placed['order_id']}/cancel", json={"reason": "changed my mind"})).ok()
    assert await on_hand(shop, "TEE-1") == [2]
    assert await movements(shop, "TEE-1") == [(2, 2, False), (-5, -3, True), (5, 2, False)]


async def test_what_is_there_is_sold_as_ever(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=2)
    placed = (await place(shop, ("TEE-1", 2), ("NOT-TRACKED", 9))).ok()
    assert (placed["oversold"], placed["needs_attention"], await on_hand(shop, "TEE-1")) == ([], [], [0])


async def test_two_lines_of_one_sku_are_short_together_and_other_attention_stays(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=3, CAP_1=1, HAT_1=1)
    body = order_p(
        lines=[line("TEE-1", 2), line("CAP-1", 1), line("TEE-1", 4), line("HAT-1", 2)],
        payments=[{"amount": 100_000, "method": "card", "reference": "x"}],
    )
    placed = (await shop.platform.post("/orders/v1/orders", json=body)).ok()
    assert placed["oversold"] == [{"sku": "HAT-1", "short": 1}, {"sku": "TEE-1", "short": 3}]
    assert placed["needs_attention"] == ["overpaid", "oversold"]
    assert await on_hand(shop, "TEE-1", "CAP-1", "HAT-1") == [-3, 0, -1]
    shown = (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok()
    assert (shown["oversold"], shown["needs_attention"]) == (placed["oversold"], placed["needs_attention"])


async def test_the_orders_of_a_batch_are_short_one_after_the_other(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=4)
    batch = {"orders": [order_p(lines=[line("TEE-1", quantity)]) for quantity in (3, 2, 5)]}
    answer = (await shop.platform.post("/orders/v1/orders/batch", json=batch)).ok()
    assert [item["order"]["oversold"] for item in answer["items"]] == [
        [],
        [{"sku": "TEE-1", "short": 1}],
        [{"sku": "TEE-1", "short": 5}],
    ]
    assert [item["order"]["needs_attention"] for item in answer["items"]] == [[], ["oversold"], ["oversold"]]
    assert await movements(shop, "TEE-1") == [(4, 4, False), (-3, 1, False), (-2, -1, True), (-5, -6, True)]


async def test_ten_at_once_are_short_of_exactly_what_is_missing(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=7)
    placed = [one.ok() for one in await asyncio.gather(*(place(shop, ("TEE-1", 2)) for _ in range(10)))]
    short = Counter(one["oversold"][0]["short"] if one["oversold"] else 0 for one in placed)
    assert (short, await on_hand(shop, "TEE-1")) == ({0: 3, 1: 1, 2: 6}, [-13])


async def test_an_amendment_adds_to_what_is_short(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=1, CAP_1=1)
    placed = (await place(shop, ("TEE-1", 2))).ok()
    assert placed["oversold"] == [{"sku": "TEE-1", "short": 1}]
    more = (await amend(shop, placed, {"line": 1, "quantity": 4}, CAP)).ok()
    assert more["oversold"] == [{"sku": "CAP-1", "short": 2}, {"sku": "TEE-1", "short": 3}]
    assert await on_hand(shop, "TEE-1", "CAP-1") == [-3, -2]
    entry = (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok()["timeline"][-1]
    assert entry["details"]["oversold"] == [{"sku": "CAP-1", "short": 2}, {"sku": "TEE-1", "short": 2}]
    theirs = (await shop.customer().get(f"/orders/v1/orders/{placed['order_id']}")).ok()["timeline"][-1]
    assert "oversold" not in theirs["details"]

    less = (await amend(shop, more, {"line": 1, "quantity": 1}, {"line": 2, "quantity": 1})).ok()
    assert (less["oversold"], await on_hand(shop, "TEE-1", "CAP-1")) == (more["oversold"], [0, 0])

    await selling(shop, "refuse")
    before = await everything(shop)
    short = await amend(shop, less, {"line": 1, "quantity": 2}, {"line": 2})
    assert (short.status, short.code, short["short"]) == (409, "out_of_stock", [{"sku": "TEE-1", "on_hand": 0, "ordered": 1}])
    assert await everything(shop) == before


async def test_staff_accept_it(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=1)
    placed = (await place(shop, ("TEE-1", 2))).ok()
    path = f"/orders/v1/orders/{placed['order_id']}"
    listed = "/orders/v1/orders?needs_attention=true"
    assert [one["order_id"] for one in (await shop.staff.get(listed)).ok()["items"]] == [placed["order_id"]]
    assert (await shop.customer().get(listed)).ok()["items"] == []
    theirs = (await shop.customer().get(path)).ok()
    assert (theirs["oversold"], theirs["needs_attention"]) == ([], [])

    before = await everything(shop)
    assert (await shop.customer().patch(path, json={"accept_oversold": True})).code == "shop_only"
    assert (await shop.staff.patch(path, json={"accept_oversold": False})).status == 422
    assert (await shop.staff.patch(path, json={"accept_addresses": True})).code == "nothing_changed"
    assert await everything(shop) == before
    done = (await shop.staff.patch(path, json={"accept_oversold": True})).ok()
    assert (done["version"], done["oversold"], done["needs_attention"]) == (2, [{"sku": "TEE-1", "short": 1}], [])
    event = (await shop.events("orders", placed["order_id"]))[-1]
    assert (event["type"], event["data"]["fields"], event["data"]["reason"]) == ("order.edited.v1", ["accept_oversold"], "")
    assert (await shop.customer().get(path)).ok()["timeline"][-1]["details"] == {"fields": [], "before": {}, "after": {}}
    assert (await shop.staff.get(listed)).ok()["items"] == []
    assert (await shop.staff.patch(path, json={"accept_oversold": True})).code == "nothing_changed"

    again = (await amend(shop, done, {"line": 1, "quantity": 3})).ok()
    assert (again["oversold"], again["needs_attention"]) == ([{"sku": "TEE-1", "short": 2}], ["oversold"])


async def test_counts_and_what_comes_in_mend_a_level_but_nothing_else_takes_from_it(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=1, CAP_1=1)
    (await place(shop, ("TEE-1", 5), ("CAP-1", 3))).ok()
    await selling(shop, "refuse")
    adjust = "/orders/v1/stock/TEE-1/adjustments"
    refused = await shop.staff.post(adjust, json={"quantity": -1, "reason": "broken"})
    assert (refused.status, refused.code, refused["on_hand"]) == (409, "stock_too_low", -4)
    assert (await shop.staff.post(adjust, json={"quantity": 3, "reason": "came in"})).ok()["on_hand"] == -1
    lists = [(await shop.staff.get(f"/orders/v1/stock{query}")).ok()["items"] for query in ("", "?below=0", "?below=-1", "?below=1")]
    assert [[(one["sku"], one["on_hand"]) for one in found] for found in lists] == [
        [("CAP-1", -2), ("TEE-1", -1)], [("CAP-1", -2), ("TEE-1", -1)], [("CAP-1", -2)], [("CAP-1", -2), ("TEE-1", -1)],
    ]  # fmt: skip
    first = (await shop.staff.get("/orders/v1/stock?limit=1")).ok()
    second = (await shop.staff.get(f"/orders/v1/stock?limit=1&cursor={first['next_cursor']}")).ok()
    assert [one["sku"] for one in (*first["items"], *second["items"])] == ["CAP-1", "TEE-1"]
    short = await place(shop, ("TEE-1", 1))
    assert (short.code, short["short"]) == ("out_of_stock", [{"sku": "TEE-1", "on_hand": -1, "ordered": 1}])
    assert (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": -1})).status == 422
    assert (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": 2})).ok()["on_hand"] == 2
    (await place(shop, ("TEE-1", 1))).ok()
    assert await movements(shop, "TEE-1") == [(1, 1, False), (-5, -4, True), (3, -1, False), (3, 2, False), (-1, 1, False)]


async def test_part_of_an_order_is_released_into_a_level_below_zero(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=1)
    placed = (await place(shop, ("TEE-1", 5))).ok()
    path = f"/orders/v1/orders/{placed['order_id']}"
    (await shop.staff.post(f"{path}/transitions", json={"to": "confirmed"})).ok()
    body = {"lines": [{"line": 1, "quantity": 2}], "reason": "not on the shelf"}
    (await shop.staff.post(f"{path}/part-cancellations", json=body)).ok()
    assert await on_hand(shop, "TEE-1") == [-2]


async def test_a_refund_restocks_into_a_level_below_zero(shop: Shop) -> None:
    await selling(shop, "allow", TEE_1=1)
    placed = (await place(shop, ("TEE-1", 5))).ok()
    order_id = placed["order_id"]
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "delivered"})).ok()
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments", json={"amount": 26_000, "method": "cod", "reference": "x"})).ok()
    await seen(shop, order_id, status="delivered")
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    approval = {"lines": [{"line": 1, "quantity": 2, "disposition": "restock"}]}

    async def approved() -> Answer:
        return (await shop.staff.post(f"/refunds/v1/refunds/{refund['refund_id']}/approve", json=approval)).ok()

    await eventually(approved)  # once the payment is seen

    async def restocked() -> bool:
        return await on_hand(shop, "TEE-1") == [-2]

    assert await eventually(restocked)


@pytest.mark.parametrize(
    "statement",
    [
        "update stock_levels set on_hand = -1 where store_id = {store}",
        "update stock_levels set oversold = true where store_id = {store}",
        "insert into stock_movements select store_id, sku, sequence + 1, -5, -4, 'adjusted:1', null, '', by, recorded_at, false"
        " from stock_movements where store_id = {store}",
        "insert into stock_movements select store_id, sku, sequence + 1, 5, 6, 'adjusted:1', null, '', by, recorded_at, true"
        " from stock_movements where store_id = {store}",
        "update orders set oversold_open = true, version = version + 1 where store_id = {store}",
    ],
)
async def test_the_database_refuses(shop: Shop, statement: str) -> None:
    await stocked(shop, TEE_1=1)
    (await place(shop, ("TEE-1", 1))).ok()
    (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": 1})).ok()
    with pytest.raises(asyncpg.CheckViolationError):
        await shop.rows("orders", statement)
