"""How long after an order is confirmed its invoice is issued, by the database's own clock at both ends. By hand:

python -m tests.bench.issue_latency [--orders 300] [--rate 20]

Servers of its own (track_commit_timestamp), each service a process of its own; orders are confirmed one after the other at a steady rate.
"""

import argparse
import asyncio
import os
import tempfile
import time
import uuid
from pathlib import Path

import asyncpg
import httpx2

from deploy.local.places import hold_state
from deploy.local.servers import postgres
from deploy.local.servers.private import PrivateServers
from deploy.operator.state import PROJECT
from shared.contracts.actor import Actor
from shared.web.tokens import issue
from tests.shop import ISSUER, TOKEN_SECONDS, eventually, order_p
from tests.stack import SERVICES, Stack, new_stack

STORE = "bench-issue"
LATENCIES = """
select 1000 * extract(epoch from pg_xact_commit_timestamp(d.xmin) - pg_xact_commit_timestamp(c.xmin))::float8
from documents.documents d
join orders.changes c using (store_id, order_id)
where d.store_id = $1 and d.kind = 'invoice' and c.type = 'order.confirmed.v1' order by 1"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--rate", type=float, default=20.0, help="Confirmed per second.")
    asked = parser.parse_args()
    postgres.SETTINGS["track_commit_timestamp"] = "on"
    servers = PrivateServers(hold_state(PROJECT, "test"), print)
    with tempfile.TemporaryDirectory(prefix="aftersale-bench-") as folder:
        try:
            servers.start()
            stack = new_stack(servers, Path(folder))
            try:
                found = _measure(stack, asked.orders, asked.rate)
            finally:
                stack.stop()
        finally:
            servers.stop()
    p50, p99 = found[len(found) // 2], found[int(len(found) * 0.99)]
    load = os.getloadavg()[0]
    print(f"{len(found)} invoices: p50 {p50:.1f} ms, p99 {p99:.1f} ms after the commit of order.confirmed (load {load:.1f})")  # noqa: T201  (its output)


def _measure(stack: Stack, orders: int, rate: float) -> list[float]:
    for process in [stack.run(service) for service in SERVICES]:
        stack.urls |= process.wait_until_ready().urls
    return asyncio.run(_confirm(stack, orders, rate))


async def _confirm(stack: Stack, orders: int, rate: float) -> list[float]:
    """Place orders, confirm them at `rate`; milliseconds from each confirmation's commit to its invoice's, sorted."""
    token = issue(stack.secret, issuer=ISSUER, actor=Actor(STORE, "platform", "p"), lifetime_seconds=TOKEN_SECONDS, now=time.time())
    admin = await asyncpg.connect(stack.postgres_url.rsplit("/", 1)[0] + f"/{stack.name}")
    try:
        async with httpx2.AsyncClient(timeout=30, base_url=f"{stack.urls['orders']}/v1") as client:

            async def post(path: str, body: object) -> dict[str, str]:
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
                answer = await client.post(path, json=body, headers=headers)
                answer.raise_for_status()
                placed: dict[str, str] = answer.json()
                return placed

            ids = [(await post("/orders", order_p()))["order_id"] for _ in range(orders)]
            began = time.perf_counter()
            for number, order_id in enumerate(ids):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                await post(f"/orders/{order_id}/transitions", {"to": "confirmed"})

        async def all_issued() -> bool:
            return int(await admin.fetchval("select count(*) from documents.documents where store_id = $1", STORE)) == orders

        await eventually(all_issued, 120)
        return [row[0] for row in await admin.fetch(LATENCIES, STORE)]
    finally:
        await admin.close()


if __name__ == "__main__":
    main()
