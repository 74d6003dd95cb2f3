"""Writes over HTTP, each beside what pgbench reaches with the same rows: placing, batches, status changes, refunds."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from shared.contracts.actor import Actor, Role
from shared.contracts.ids import public_id
from shared.web.tokens import issue
from tests.bench.generator import Figures, drive, request
from tests.bench.reference import Limit, limit
from tests.bench.system import cost
from tests.shop import BANGLADESH, ISSUER
from tests.stack import Stack

Say = Callable[[str], None]

TOKEN_SECONDS = 86_400
BATCH = 500
DEADLINE_SECONDS = 300.0


@dataclass
class Bench:
    """What every measure works with."""

    stack: Stack
    urls: dict[str, list[str]]
    reference_url: str
    store: str
    folder: Path
    seconds: float
    say: Say
    values: dict[str, str] = field(default_factory=dict)
    service_pid: int = 0
    postgres_pid: int = 0

    def token(self, role: Role, actor_id: str) -> str:
        """A bearer token of the bench's store."""
        actor = Actor(self.store, role, actor_id)
        return issue(self.stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=TOKEN_SECONDS, now=time.time())


@dataclass(frozen=True)
class Measured:
    """One figure: what the service reached, and what plain SQL reached with the same number of clients."""

    what: str
    clients: int
    per_second: float
    unit: str
    p50_ms: float
    p99_ms: float
    limit: Limit | None = None
    generator_cpu: float = 0.0  # seconds of CPU that the load generator itself used, per second
    service_cpu_ms: float = 0.0  # CPU of the service (its relay too) for each unit
    postgres_cpu_ms: float = 0.0  # CPU of PostgreSQL for each unit

    @property
    def ratio(self) -> float | None:
        """Share of the limit that was reached."""
        return None if self.limit is None else self.per_second / self.limit.per_second


def order(number: int = 0) -> dict[str, Any]:
    """The order that is measured: three lines."""
    lines = [{"sku": f"TEE-{line}", "name": "T-shirt", "quantity": 2, "unit_price": 1500} for line in (1, 2, 3)]
    customer = {"id": f"c-{number}", "name": "Rahima Begum", "email": "rahima@example.com", "phone": "+8801712345678"}
    return {"currency": "BDT", "customer": customer, "shipping_address": BANGLADESH, "lines": lines, "shipping": {"amount": 1000}}


async def first_order(bench: Bench) -> None:
    """Place one order and keep its very texts: the reference writes the same bytes."""
    async with httpx2.AsyncClient(timeout=30) as client:
        headers = {"Authorization": f"Bearer {bench.token('platform', 'p')}", "Idempotency-Key": "first"}
        answer = await client.post(f"{bench.urls['orders'][0]}/v1/orders", json=order(), headers=headers)
        assert answer.status_code == 201, answer.text
    connection = await asyncpg.connect(bench.stack.database_url("orders"))
    try:
        event = await connection.fetchval("select data::text from orders.events where type = 'order.placed.v1' limit 1")
    finally:
        await connection.close()
    bench.values = {"event": event, "answer": answer.text, "address": json.dumps(BANGLADESH)}


async def placing(bench: Bench, clients: int) -> Measured:
    """Orders placed one at a time by so many clients."""
    token = bench.token("platform", "p")
    calls = [[request(bench.urls["orders"][0], "POST", "/v1/orders", token, order(client))] for client in range(clients)]
    figures = await _driven(bench, "orders", calls)
    return _measured("placing an order of 3 lines", clients, figures, "orders", await _limit(bench, "place", clients))


async def batches(bench: Bench, clients: int, against: Limit | None) -> Measured:
    """Orders placed in batches."""
    token = bench.token("platform", "p")
    body = {"orders": [order(number) for number in range(BATCH)]}
    calls = [[request(bench.urls["orders"][0], "POST", "/v1/orders/batch", token, body)] for _ in range(clients)]
    figures = await _driven(bench, "orders", calls, units=BATCH)
    return _measured(f"placing in batches of {BATCH}", clients, figures, "orders", against)


async def changes(bench: Bench, clients: int) -> Measured:
    """Status changes: each client confirms its own orders, one call each."""
    ids = await _ids(
        bench, "select order_id from orders.orders where store_id = $1 and status = 'pending' limit $2", 1_500 * max(1, int(bench.seconds))
    )
    url, token = bench.urls["orders"][0], bench.token("staff", "s")
    calls = _dealt([request(url, "POST", f"/v1/orders/{one}/transitions", token, {"to": "confirmed"}) for one in ids], clients)
    figures = await _driven(bench, "orders", calls)
    values = {name: bench.values[name] for name in ("event", "answer")}
    against = await limit(bench.reference_url, "change", clients=clients, seconds=bench.seconds, values=values, folder=bench.folder)
    return _measured("changing a status", clients, figures, "changes", against)


async def remittances(bench: Bench, count: int) -> Measured:
    """A courier's lists, one after another, each of 500 payments of orders that are named by their tracking numbers."""
    unsent = "select order_id from orders.orders where store_id = $1 and status in ('pending', 'confirmed') limit $2"
    while len(ids := await _ids(bench, unsent, count * BATCH)) < count * BATCH:
        await batches(bench, 1, None)
    url, staff = bench.urls["orders"][0], bench.token("staff", "s")
    parcels = {one: {"carrier": "Pathao", "number": f"PX-{number}"} for number, one in enumerate(ids)}
    lists = [ids[first : first + BATCH] for first in range(0, len(ids), BATCH)]
    sent = [{"items": [{"order_id": one, "to": "shipped", "tracking": parcels[one]} for one in listed]} for listed in lists]
    paid = [{"items": [_collected(parcels[one]) for one in listed]} for listed in lists]

    async def sent_in(path: str, bodies: list[Any]) -> Figures:
        calls = [[request(url, "POST", f"/v1/orders/{path}", staff, body) for body in bodies]]
        return await _driven(bench, "orders", calls, units=BATCH, seconds=DEADLINE_SECONDS)

    await sent_in("transitions", sent)
    await drained(bench, "orders")
    figures = await sent_in("payments", paid)
    values = {name: bench.values[name] for name in ("event", "answer")}
    against = await limit(bench.reference_url, "change", clients=1, seconds=bench.seconds, values=values, folder=bench.folder)
    return _measured(f"recording a remittance of {BATCH}", 1, figures, "payments", against)


def _collected(parcel: dict[str, str]) -> dict[str, Any]:
    named = {"carrier": parcel["carrier"], "tracking_number": parcel["number"]}
    return named | {"amount": 10_000, "method": "cod", "reference": "R-17", "courier_charge": 150}


async def delivered(bench: Bench, count: int) -> list[str]:
    """Ids of so many paid orders that are delivered, and that the refund service knows."""
    token = bench.token("platform", "p")
    async with httpx2.AsyncClient(timeout=120) as client:

        async def post(path: str, body: object) -> Any:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"delivered-{time.time_ns()}"}
            answer = await client.post(f"{bench.urls['orders'][0]}{path}", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.json()

        ids: list[str] = []
        for first in range(0, count, BATCH):
            paid = [{"amount": 10_000, "method": "card", "reference": "prepaid"}]
            body = {"orders": [order() | {"payments": paid} for _ in range(min(BATCH, count - first))]}
            placed = [item["order"]["order_id"] for item in (await post("/v1/orders/batch", body))["items"]]
            await post("/v1/orders/transitions", {"items": [{"order_id": one, "to": "delivered"} for one in placed]})
            ids += placed
    await _known(bench, len(ids))
    return ids


async def _known(bench: Bench, count: int) -> None:
    connection = await asyncpg.connect(bench.stack.database_url("refunds"))
    sql = "select count(*) from refunds.orders where store_id = $1 and status = 'delivered'"
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while await connection.fetchval(sql, bench.store) < count:
            if time.monotonic() > deadline:
                raise TimeoutError("the refund service does not know the delivered orders")
            await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def refunds(bench: Bench, clients: int, delivered: Sequence[str]) -> list[Measured]:
    """Requests by customers, then approvals by staff; the limit counts a request and its approval together."""
    url = bench.urls["refunds"][0]
    staff, half = bench.token("staff", "s"), bench.seconds
    asked = [
        request(url, "POST", "/v1/refunds", staff, {"order_id": one, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged"})
        for one in delivered
    ]
    requested = await _driven(bench, "refunds", _dealt(asked, clients))
    connection = await asyncpg.connect(bench.stack.database_url("refunds"))
    try:
        event = await connection.fetchval("select data::text from refunds.events where type = 'refund.requested.v1' limit 1")
        answer = await connection.fetchval("select body from refunds.idempotency limit 1")
    finally:
        await connection.close()
    values = {"refund_event": event, "refund_answer": answer}
    against = await limit(bench.reference_url, "refund", clients=clients, seconds=half, values=values, folder=bench.folder)
    open_ones = await _ids(
        bench, "select refund_id from refunds.refunds where store_id = $1 and status = 'processing' limit $2", 100_000, "refund"
    )
    calls = _dealt([request(url, "POST", f"/v1/refunds/{one}/approve", staff, {}) for one in open_ones], clients)
    approved = await _driven(bench, "refunds", calls)
    each = Limit(against.per_second * 2, against.latency_ms / 2, clients)  # pgbench counted pairs
    return [
        _measured("requesting a refund", clients, requested, "refunds", each),
        _measured("approving a refund", clients, approved, "refunds", each),
    ]


async def _driven(bench: Bench, service: str, calls: Sequence[Sequence[bytes]], units: int = 1, seconds: float | None = None) -> Figures:
    pids = (bench.service_pid, bench.postgres_pid)
    before = [cost("", pid).cpu_seconds for pid in pids]
    processes = 1 if len(calls) < 8 else 2
    figures = await drive(
        bench.urls[service], calls, seconds=seconds or bench.seconds, processes=processes, units=units, folder=bench.folder
    )
    figures.cost_ms = [1000 * (cost("", pid).cpu_seconds - was) / max(figures.units, 1) for pid, was in zip(pids, before, strict=True)]
    if figures.failed > figures.answered * 0.01:
        raise RuntimeError(f"{figures.failed} of {figures.answered + figures.failed} calls failed: {figures.failures[:1]}")
    return figures


async def _limit(bench: Bench, section: str, clients: int) -> Limit:
    return await limit(bench.reference_url, section, clients=clients, seconds=bench.seconds, values=bench.values, folder=bench.folder)


def _measured(what: str, clients: int, figures: Figures, unit: str, against: Limit | None) -> Measured:
    cpu = round(figures.cpu_seconds / figures.seconds, 2) if figures.seconds else 0.0
    p50, p99 = (round(figures.percentile(share), 2) for share in (0.5, 0.99))
    service_ms, postgres_ms = (round(one, 2) for one in figures.cost_ms)
    return Measured(what, clients, round(figures.per_second, 1), unit, p50, p99, against, cpu, service_ms, postgres_ms)


async def _ids(bench: Bench, sql: str, count: int, prefix: str = "order") -> list[str]:
    connection = await asyncpg.connect(bench.stack.database_url(f"{prefix}s"))
    try:
        return [public_id(prefix, row[0]) for row in await connection.fetch(sql, bench.store, count)]
    finally:
        await connection.close()


def _dealt(calls: Sequence[bytes], clients: int) -> list[list[bytes]]:
    """Calls shared out; no call is made twice (each has its own target)."""
    return [list(calls[client::clients]) for client in range(clients)]


async def drained(bench: Bench, service: str) -> None:
    """Until `service` has nothing unsent, so that the next measure starts at rest."""
    connection = await asyncpg.connect(bench.stack.database_url(service))
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while await connection.fetchval(f"select exists (select from {service}.events where published_at is null)"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the events of {service} are not sent after {DEADLINE_SECONDS} s")
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
