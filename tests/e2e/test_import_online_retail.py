"""Importing a few invoices of every kind over HTTP: the account adds up, a second run changes nothing, an interrupted one goes on."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from kit.importing import asking, carry_out
from kit.importing.account import Account, account
from kit.importing.mapping import Plan
from kit.importing.results import Placed, Results
from tests.rules.test_import_mapping import back, planned, sale
from tests.services.refunds.scenes import on_hand, stock
from tests.shop import Shop, eventually

pytestmark = pytest.mark.timeout(1_800)

D = Decimal
ROWS = (
    sale("1", "A1", 10, "2.55", at="2010-12-01 08:00"),
    sale("1", "B2", 3, "1.25", at="2010-12-01 08:00"),
    sale("1", "POST", 1, "18.00", at="2010-12-01 08:00"),
    sale("2", "A1", 2, "2.10", at="2010-12-02 09:30"),
    sale("2", "C3", 1, "0.0", at="2010-12-02 09:30"),
    sale("3", "A1", 5, "2.55", customer="", at="2010-12-03 10:00"),
    sale("4", "D", 1, "9.99", at="2010-12-03 11:00"),
    sale("5", "Z9", 74215, "1.04", customer="12346", at="2010-12-04 10:01"),
    back("Z9", 74215, "1.04", customer="12346", invoice="C6", at="2010-12-04 10:17"),
    back("A1", 5, "2.00", invoice="C7"),
    back("B2", 9, "1.25", invoice="C7"),
    back("POST", 1, "5.00", invoice="C7"),
    back("ZZ", 1, "1.00", invoice="C8"),
)


async def run(shop: Shop, plan: Plan) -> tuple[Results, Account, dict[str, str]]:
    async with carry_out.connected(shop.stack.address, shop.platform.token) as client:
        work = carry_out.Work(client, plan, lambda count: None)
        results = await carry_out.carry_out(work)
        return results, account(plan, results), await carry_out.read_back(work)


async def told(shop: Shop) -> list[tuple[Any, ...]]:
    return [
        (service, row["subject"], row["sequence"], row["type"]) for service in ("orders", "refunds") for row in await shop.events(service)
    ]


async def test_every_row_and_penny(shop: Shop) -> None:
    _, kept, differs = await run(shop, planned(*ROWS))
    assert (differs, kept.adds_up) == ({}, True)
    assert {outcome: bucket.rows for outcome, bucket in kept.buckets.items()} == {
        "line": 4, "line_of_a_guest": 1, "free_line": 1, "shipping": 1,
        "refund": 3, "refund_in_part": 1, "not_a_product": 1, "no_purchase": 1,
    }  # fmt: skip
    # at the cancellation's prices, and of B2 only the 3 that were bought
    refunded, in_part = kept.buckets["refund"].columns, kept.buckets["refund_in_part"].columns
    assert (refunded.goods, refunded.shipping) == (D("-77193.60"), D("-5.00"))
    assert (in_part.goods, in_part.rejected) == (D("-3.75"), D("-7.50"))
    assert kept.whole.columns.total == kept.whole.file == sum((entry.row.value for entry in kept.entries), D(0))
    assert (kept.orders, kept.guests, kept.cancelled, kept.refunds) == (4, 1, 1, 3)


async def test_what_came_back_before_is_nothing_to_do_now(shop: Shop) -> None:
    await stock(shop, "A1", 100)
    results, _, _ = await run(shop, planned(*ROWS))
    ids = {invoice: answer.order_id for invoice, answer in results.items() if isinstance(answer, Placed)}
    orders = await shop.rows("orders", "select * from orders where store_id = {store} order by number")
    assert [tuple(row[name] for name in ("number", "status", "payment", "collected", "refunded_total")) for row in orders] == [
        ("1", "delivered", "paid", 2550 + 375 + 1800, 600 + 375 + 500),  # 3 × A1 at 2.00, B2, and of the carriage 5.00
        ("2", "delivered", "paid", 420, 400),  # A1 comes back from the later invoice first: 2 at 2.00
        ("3", "delivered", "paid", 1275, 0),
        ("5", "cancelled", "paid", 7_718_360, 7_718_360),
    ]
    assert {row["placed_at"].isoformat() for row in orders if row["number"] == "1"} == {"2010-12-01T08:00:00+00:00"}
    events = [row["type"] for row in await shop.events("orders") if row["type"].startswith("order.")]
    assert (events.count("order.imported.v1"), events.count("order.placed.v1"), len(events)) == (4, 0, 4 + 3)  # each refund's figures
    assert await on_hand(shop, "A1", 100)
    refunds = await shop.rows("refunds", "select * from refunds where store_id = {store}")
    assert {(row["cause"], row["status"], row["settlement"]) for row in refunds} == {("history", "approved", "settled")}
    assert sorted(row["amount"] for row in refunds) == [400, 600 + 375 + 500, 7_718_360]
    first = (await shop.staff.get(f"/orders/v1/orders/{ids['1']}")).ok()
    assert [(one["kind"], one["number"]) for one in first["documents"]] == [("invoice", "1"), ("credit_note", "C7")]

    async def here() -> bool:
        answers = [await shop.staff.get(f"/documents/v1/documents/orders/{order_id}") for order_id in ids.values()]
        return all(answer.status == 200 for answer in answers)

    await eventually(here)
    assert await shop.rows("documents", "select * from documents where store_id = {store}") == []


async def test_a_second_run_changes_nothing(shop: Shop) -> None:
    plan = planned(*ROWS)
    first, kept, _ = await run(shop, plan)
    before = await told(shop)
    second, again, differs = await run(shop, plan)
    assert (second, differs) == (first, {})
    assert again.buckets == kept.buckets
    assert await told(shop) == before


async def test_nothing_depends_on_a_key_being_remembered(shop: Shop) -> None:
    plan = planned(*ROWS)
    first, _, _ = await run(shop, plan)
    before = await told(shop)
    for service in ("orders", "refunds"):
        await shop.rows(service, "delete from idempotency where store_id = {store}")
    second, kept, _ = await run(shop, plan)
    assert (second, kept.adds_up) == (first, True)
    assert await told(shop) == before


async def test_an_interrupted_import_goes_on(shop: Shop) -> None:
    plan = planned(*(sale(str(number)) for number in range(1, 4 * asking.CHUNK_ORDERS)))
    until_placed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def interrupted() -> None:
        def advance(count: int) -> None:
            if not until_placed.done():
                until_placed.set_result(None)

        async with carry_out.connected(shop.stack.address, shop.platform.token) as client:
            await carry_out.carry_out(carry_out.Work(client, plan, advance))

    task = asyncio.create_task(interrupted())
    await until_placed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    _, kept, differs = await run(shop, plan)
    assert (kept.adds_up, kept.orders, differs) == (True, len(plan.orders), {})
    counted = await shop.rows("orders", "select count(*) as n, sum(collected) as paid from orders where store_id = {store}")
    assert counted == [{"n": len(plan.orders), "paid": sum(order.total for order in plan.orders.values())}]


async def test_what_the_system_refuses_is_in_the_account(shop: Shop) -> None:
    plan = planned(*ROWS)
    (await shop.platform.post("/orders/v1/orders/batch", json={"orders": [_taken_number()]})).ok()
    _, kept, _ = await run(shop, plan)
    assert kept.adds_up
    assert {entry.row.invoice: entry.detail.split(":")[0] for entry in kept.entries if entry.outcome == "refused"} == {"2": "number_taken"}
    assert kept.buckets["refused"].columns.rejected == D("4.20")


def _taken_number() -> dict[str, Any]:
    address = {"country_code": "BD", "street_address": "House 1, Road 2", "city": "Dhaka", "postal_code": "1205"}
    line = {"sku": "X", "name": "X", "quantity": 1, "unit_price": 1}
    return {"currency": "BDT", "customer": {"id": "c"}, "shipping_address": address, "lines": [line], "number": "2"}
