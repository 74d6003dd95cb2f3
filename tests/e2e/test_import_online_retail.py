"""Importing a few invoices of every kind over HTTP: the account adds up, a second run changes nothing, an interrupted one goes on."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from kit.importing import carry_out
from kit.importing.account import Account, account
from kit.importing.mapping import Plan
from kit.importing.results import Results
from tests.rules.test_import_mapping import back, planned, sale
from tests.shop import Shop

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
    back("A1", 5, "2.00", invoice="C7"),
    back("B2", 9, "1.25", invoice="C7"),
    back("ZZ", 1, "1.00", invoice="C8"),
)


async def run(shop: Shop, plan: Plan, deduct_shipping: bool | None = None) -> tuple[Results, Account, dict[str, str]]:
    async with carry_out.connected(shop.stack.address, shop.platform.token) as client:
        work = carry_out.Work(client, plan, lambda stage, count: None)
        await carry_out.carry_out(work, deduct_shipping=deduct_shipping)
        return work.results, account(plan, work.results), await carry_out.read_back(work)


async def told(shop: Shop) -> list[tuple[Any, ...]]:
    return [
        (service, row["subject"], row["sequence"], row["type"]) for service in ("orders", "refunds") for row in await shop.events(service)
    ]


@pytest.mark.parametrize("deduct_shipping", [True, False])
async def test_every_row_and_penny(shop: Shop, deduct_shipping: bool) -> None:
    results, kept, differs = await run(shop, planned(*ROWS), deduct_shipping)
    assert (differs, results.unfinished, kept.adds_up) == ({}, {}, True)
    assert {outcome: bucket.rows for outcome, bucket in kept.buckets.items()} == {
        "line": 3, "line_of_a_guest": 1, "free_line": 1, "shipping": 1,
        "refund": 1, "refund_in_part": 1, "not_a_product": 1, "no_purchase": 1,
    }  # fmt: skip
    # A1 comes back from the later invoice first: 2 at 2.10 and 3 at 2.55; of B2 only the 3 that were bought
    refunded = kept.buckets["refund"].columns
    assert (refunded.goods, refunded.price_differs) == (D("-11.85"), D("1.85"))
    assert kept.buckets["refund_in_part"].columns.goods == D("-3.75")
    assert kept.buckets["refund_in_part"].columns.rejected == D("-7.50")
    whole = kept.whole.columns
    refunds = refunded.shipping + kept.buckets["refund_in_part"].columns.shipping
    assert (refunds < 0) is not deduct_shipping
    assert (whole.shipping_by_policy, whole.shipping) == (-refunds, 18 + refunds)
    assert whole.total == kept.whole.file == sum((entry.row.value for entry in kept.entries), D(0))
    [order] = await shop.rows("orders", "select * from orders where store_id = {store} and number = '1'")
    assert (order["status"], order["payment"], order["total"], order["collected"], order["external_ref"]) == (
        "delivered", "paid", 2550 + 375 + 1800, 2550 + 375 + 1800, "online-retail:1",
    )  # fmt: skip
    assert order["placed_at"].isoformat() == "2010-12-01T08:00:00+00:00"


async def test_a_second_run_changes_nothing(shop: Shop) -> None:
    plan = planned(*ROWS)
    first, kept, _ = await run(shop, plan, deduct_shipping=True)
    before = await told(shop)
    second, again, differs = await run(shop, plan, deduct_shipping=True)
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
    plan = planned(*ROWS)
    until_paid: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def interrupted() -> None:
        def advance(stage: str, count: int) -> None:
            if stage == carry_out.DELIVERED and not until_paid.done():
                until_paid.set_result(None)

        async with carry_out.connected(shop.stack.address, shop.platform.token) as client:
            await carry_out.carry_out(carry_out.Work(client, plan, advance), deduct_shipping=None)

    task = asyncio.create_task(interrupted())
    await until_paid
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    results, kept, differs = await run(shop, plan)
    assert (kept.adds_up, differs, results.unfinished) == (True, {}, {})
    counted = await shop.rows("orders", "select count(*) as n, sum(collected) as paid from orders where store_id = {store}")
    assert counted == [{"n": 3, "paid": sum(order.total for order in plan.orders.values())}]


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
