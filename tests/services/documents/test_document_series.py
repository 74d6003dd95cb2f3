"""Gapless whatever happens: 64 orders become due at once, in four workers that are killed in the middle of it."""

import asyncio

import pytest

from tests.services.documents.telling import Life, Teller, issued
from tests.shop import Shop
from tests.stack import Process, Stack

ORDERS = 64
KILLED_AT = (
    "commit.before:consume:order.confirmed.v1#3",  # a number was taken, nothing is durable
    "commit.after:consume:order.confirmed.v1#5",  # durable, not acknowledged: it is delivered again
    "ack.after:order.confirmed.v1#7",
)


@pytest.mark.timeout(1_800)
async def test_64_concurrent_issuers_with_kills_leave_no_gap_and_no_double(shop: Shop, stack: Stack, teller: Teller) -> None:
    workers = await asyncio.gather(*[asyncio.to_thread(doomed, stack, point) for point in KILLED_AT])
    lives = [Life(shop.store) for _ in range(ORDERS)]
    placed = [life.step("pending") for life in lives]
    paid = [life.pay(11000) for life in lives]
    confirmed = [life.step("confirmed") for life in lives]
    try:
        await teller.send(*placed)
        await asyncio.gather(*[teller.send(*told) for told in (confirmed, paid, confirmed)])
        await teller.taken(shop, *placed, *paid, *confirmed, seconds=120)
        codes = await asyncio.to_thread(lambda: [worker.child.wait(60) for worker in workers])
    finally:
        for worker in workers:
            worker.stop()
    assert codes == [-9, -9, -9]

    rows = await shop.rows("documents", "select kind, year, counted, number from documents where store_id = {store}")
    for kind in ("invoice", "receipt"):
        assert sorted(row["counted"] for row in rows if row["kind"] == kind) == list(range(1, ORDERS + 1))
    assert len({row["number"] for row in rows}) == len(rows) == 2 * ORDERS
    report = (await shop.staff.get("/documents/v1/documents/series")).ok()["items"]
    assert [(one["kind"], one["last"], one["gapless"]) for one in report] == [("invoice", ORDERS, True), ("receipt", ORDERS, True)]
    for life in lives:
        assert sorted(kind for kind, _, _ in await issued(shop, life.order_id)) == ["invoice", "receipt"]
    assert len(await shop.events("documents")) == 2 * ORDERS


def doomed(stack: Stack, point: str) -> Process:
    """A worker that will kill itself at `point`."""
    return stack.run("documents", roles=("worker",), AFTERSALE_CRASH_AT=point).wait_until_ready()
