"""How soon goods that come back with a refund are on the shelf again: from the approval's commit to the movement's commit, in orders."""

import time
from functools import partial
from typing import Any

import httpx2

from tests.bench.events import Lag, connected, holds, lag, until
from tests.bench.measures import Bench, order

STOCKED = {
    "cancel_preset": "cancellation-control",
    "customer_cancel_until": "delivered",
    "stock": True,
    "number_prefix": "",
    "time_zone": "UTC",
}
RESTOCKING = {
    "manage_stock": True,
    "attachments": True,
    "deduct_shipping": False,
    "window_days": None,
    "reasons": ["damaged"],
    "overdue_after_hours": 48,
}
DEFAULTS = '"v0"'
ON_HAND = 1_000_000

# Both ends by the database's own clock (track_commit_timestamp). An approval's row is written once.
LATENCIES = """
select 1000 * extract(epoch from pg_xact_commit_timestamp(m.xmin) - pg_xact_commit_timestamp(a.xmin))::float8
from refunds.approvals a join orders.stock_movements m on m.store_id = a.store_id and m.order_id = a.order_id and m.quantity > 0
where a.store_id = $1 order by 1"""


async def restocked(bench: Bench, count: int) -> Lag:
    """Approve `count` refunds of one tracked unit each, one after another."""
    store, bench.store = bench.store, f"{bench.store}-restock"
    token, admin = bench.token("staff", "s"), await connected(bench)

    async def call(service: str, method: str, path: str, body: object, **headers: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"restock-{time.time_ns()}", **headers}
        answer = await client.request(method, f"{bench.urls[service][0]}{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    try:
        async with httpx2.AsyncClient(timeout=30) as client:
            await call("orders", "PUT", "/v1/orders-settings", STOCKED, **{"If-Match": DEFAULTS})
            await call("refunds", "PUT", "/v1/refund-policy", RESTOCKING, **{"If-Match": DEFAULTS})
            for line in (1, 2, 3):
                await call("orders", "PUT", f"/v1/stock/TEE-{line}", {"on_hand": ON_HAND})
            paid = [{"amount": 10_000, "method": "card", "reference": "prepaid"}]
            placed = await call("orders", "POST", "/v1/orders/batch", {"orders": [order() | {"payments": paid} for _ in range(count)]})
            ids = [item["order"]["order_id"] for item in placed["items"]]
            await call("orders", "POST", "/v1/orders/transitions", {"items": [{"order_id": one, "to": "delivered"} for one in ids]})
            known = "select count(*) = $2 from refunds.orders where store_id = $1 and status = 'delivered'"
            await until(partial(holds, admin, known, bench.store, count))
            for one in ids:
                asked = {"order_id": one, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged"}
                refund = await call("refunds", "POST", "/v1/refunds", asked)
                await call("refunds", "POST", f"/v1/refunds/{refund['refund_id']}/approve", {})
            back = "select count(*) = $2 from orders.stock_movements where store_id = $1 and cause like 'refund:%'"
            await until(partial(holds, admin, back, bench.store, count))
        rows = [row[0] for row in await admin.fetch(LATENCIES, bench.store)]
    finally:
        await admin.close()
        bench.store = store
    return lag("orders (restock)", rows)
