"""P1, P2, P4 on the services themselves: killed at one crash point after the other while orders live through them.

A few points of every kind in each run; AFTERSALE_EVERY_CRASH_POINT=1 takes every kind at every place that the lives pass.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from deploy.local.servers import resolve
from deploy.operator import given
from deploy.operator.registry import SERVICES
from shared.contracts.ids import uuid_of
from shared.data.crash import VARIABLE
from tests.faults.history import quiet, two_lives
from tests.faults.patient import PatientShop
from tests.stack import PROJECT, Stack, free_port, new_stack

WISHES = ("orders.place", "orders.transition", "orders.record_payment", "orders.cancel", "refunds.request", "refunds.approve", "notes.add")
EVENTS = (
    "order.placed.v1", "order.confirmed.v1", "order.delivered.v1", "order.payment_recorded.v1", "order.cancelled.v1",
    "refund.requested.v1", "refund.approved.v1", "document.issued.v1",
)  # fmt: skip
EVERY = (
    *(f"commit.{when}:{name}" for name in (*WISHES, *(f"consume:{event}" for event in EVENTS), "relay") for when in ("before", "after")),
    *(f"{point}:{event}" for event in EVENTS for point in ("publish.before", "confirm.after", "ack.before", "ack.after")),
)
SOME = (
    "commit.after:refunds.approve",
    "commit.before:consume:order.cancelled.v1",
    "publish.before:order.confirmed.v1",
    "confirm.after:refund.approved.v1",
    "ack.before:document.issued.v1",
)
PLACES = EVERY if os.environ.get("AFTERSALE_EVERY_CRASH_POINT") else SOME
DEATH_SECONDS = 240.0


@pytest.fixture
async def alone(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    """A stack that nobody else uses, on the same servers, with nothing running in it yet."""
    monkeypatch.setenv(given.POSTGRES, stack.postgres_url)
    monkeypatch.setenv(given.AMQP, stack.amqp_url)
    servers = await asyncio.to_thread(resolve, PROJECT, "test", lambda line: None)
    made = await asyncio.to_thread(new_stack, servers, tmp_path, "fault")
    try:
        yield made
    finally:
        await asyncio.to_thread(made.stop)
        await asyncio.to_thread(servers.stop)


@pytest.mark.timeout(600 + 60 * len(PLACES))
async def test_services_killed_at_one_crash_point_after_the_other(alone: Stack) -> None:
    ports = {service: free_port() for service in SERVICES}
    alone.urls = {service: f"http://127.0.0.1:{port}" for service, port in ports.items()}
    pools: dict[str, asyncpg.Pool] = {}
    lives: list[tuple[PatientShop, asyncio.Task[list[str]]]] = []
    async with httpx2.AsyncClient(timeout=30) as client:
        for place in PLACES:
            doomed = alone.run(*SERVICES, ports=ports, **{VARIABLE: place})
            shop = PatientShop(alone, client, pools)
            lives.append((shop, asyncio.create_task(two_lives(shop))))
            code = await asyncio.to_thread(doomed.child.wait, DEATH_SECONDS)
            assert code == -9, f"{place}: {code}"
        alone.run(*SERVICES, ports=ports)
        for shop, life in lives:
            await lived_rightly(shop, *await life)
    for pool in pools.values():
        await pool.close()


async def lived_rightly(shop: PatientShop, kept: str, cancelled: str) -> None:
    """Every wish was granted once, every effect is there once, every version has its event, and nothing is left over."""
    history = await quiet(shop)
    for order_id, version_at_least in ((kept, 7), (cancelled, 4)):
        [row] = await shop.rows(
            "orders", "select version from orders where store_id = {store} and order_id = $2", uuid_of("order", order_id)
        )
        told = [event["sequence"] for event in await shop.events("orders", order_id)]
        assert sorted(told) == list(range(1, row["version"] + 1))
        assert row["version"] >= version_at_least
    found = (await shop.staff.get(f"/orders/v1/orders/{kept}")).ok(), (await shop.staff.get(f"/orders/v1/orders/{cancelled}")).ok()
    assert [(one["status"], one["refund_state"], one["refunded_total"]["amount"], one["collected"]["amount"]) for one in found] == [
        ("delivered", "partial", 5500, 11000),
        ("cancelled", "full", 11000, 11000),
    ]
    assert Counter(one.type for one in history) == EXPECTED
    for service in SERVICES:
        assert await shop.rows(service, "select type, reason from parked where store_id = {store}") == [], service


EXPECTED = Counter(
    {
        "order.placed.v1": 2,
        "order.confirmed.v1": 2,
        "order.picked_up.v1": 1,
        "order.shipped.v1": 1,
        "order.delivered.v1": 1,
        "order.payment_recorded.v1": 2,
        "order.cancelled.v1": 1,
        "order.refunded.v1": 2,
        "refund.requested.v1": 1,
        "refund.approved.v1": 2,
        "document.issued.v1": 6,
        "note.added.v1": 1,
    }
)
"""What two_lives() makes happen: an invoice and a receipt each, and a credit note each."""
