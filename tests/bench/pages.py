"""Pages of the list of orders, in a store of 1,000 orders and in one of a million: time, and buffers read per row returned."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from deploy.operator.registry import REGISTRY
from services.orders.queries.lists import page_of
from services.orders.requests.lists import OrderFilter
from shared.contracts.actor import Actor
from shared.data.db import Parameters, Transaction
from shared.data.schema import kernel_tables
from tests.bench.generator import drive, request
from tests.bench.measures import Bench

LIMIT = 50
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
CUSTOMERS = 500

FILL = """
insert into orders.orders (store_id, order_id, version, number, status, currency, language, prices_include_tax, customer_id,
    customer_name, email, phone, shipping_address, billing_address, metadata, line_count, unit_count, goods_total, discount_total,
    tax_total, shipping, shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units, placed_at, recorded_at,
    updated_at)
select $1, md5($1 || n)::uuid, 1, n::text, (array['pending', 'confirmed', 'shipped', 'delivered'])[1 + n % 4], 'BDT', 'en', true,
    'c-' || n % $3, 'Rahima Begum ' || n % 97, 'c' || n % $3 || '@example.com', '+8801700' || n % $3, '{}', '{}', '{}', 1, 1, 1000, 0, 0, 0,
    0, 1000, case when n % 3 = 0 then 1000 else 0 end, 0, 'none', 0, 0, now() - n * interval '1 minute', now(), now()
from generate_series(1, $2) n"""


@dataclass(frozen=True)
class PageCost:
    """One kind of page in a store of so many orders."""

    orders: int
    page: str
    p50_ms: float
    p99_ms: float
    per_second: float
    rows: int
    buffers: int

    @property
    def buffers_per_row(self) -> float:
        """8 kB blocks touched for each row that was returned."""
        return round(self.buffers / max(self.rows, 1), 2)


PAGES: dict[str, tuple[str, OrderFilter]] = {
    "newest": ("", OrderFilter()),
    "one status": ("&status=shipped", OrderFilter(status=["shipped"])),
    "one customer": ("&customer_id=c-7", OrderFilter(customer_id="c-7")),
    "two axes": ("&status=delivered&payment=paid", OrderFilter(status=["delivered"], payment=["paid"])),
}


async def pages(bench: Bench, orders: int) -> list[PageCost]:
    """Fill a store, then read pages of it over HTTP and explain the service's own query."""
    store = f"{bench.store}-{orders}"
    admin = await asyncpg.connect(bench.stack.postgres_url, database=bench.stack.name)
    try:
        await admin.execute("alter table orders.orders disable trigger user")  # their lines are not needed here
        await admin.execute(FILL, store, orders, CUSTOMERS)
        await admin.execute("alter table orders.orders enable trigger user")
        await admin.execute("vacuum analyze orders.orders")
    finally:
        await admin.close()
    kept, bench.store = bench.store, store
    token = bench.token("staff", "s")
    bench.store = kept
    found = []
    for name, (query, wanted) in PAGES.items():
        call = request(bench.urls["orders"][0], "GET", f"/v1/orders?limit={LIMIT}{query}", token)
        figures = await drive(bench.urls["orders"][:1], [[call]], seconds=max(2.0, bench.seconds / 2), folder=bench.folder)
        async with explaining(bench, "orders") as tx:
            await page_of(tx, Actor(store, "staff", "s"), wanted, None, cursor=None, limit=LIMIT)
        found.append(
            PageCost(
                orders,
                name,
                round(figures.percentile(0.5), 2),
                round(figures.percentile(0.99), 2),
                round(figures.per_second, 1),
                tx.rows,
                tx.buffers,
            )
        )
    return found


class Explaining(Transaction):
    """Runs each statement of a service under EXPLAIN too, and adds up what it read: rows and 8 kB blocks."""

    def __init__(self, connection: AsyncConnection, service: str) -> None:
        super().__init__(connection, kernel_tables(REGISTRY[service].service().metadata), service)
        self.rows = self.examined = self.buffers = 0

    async def execute(self, statement: sa.Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """See Transaction."""
        assert isinstance(statement, sa.Select)
        text = str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
        told = await self._connection.exec_driver_sql(f"explain (analyze, buffers, format json) {text}".replace("%%", "%"))
        found = told.scalar()
        assert found is not None
        plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        self.examined += sum(_examined(leaf) for leaf in _leaves(plan))
        self.buffers += int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
        return await super().execute(statement, parameters)

    async def all(self, statement: sa.Executable, parameters: Parameters = None) -> Sequence[sa.Row[Any]]:
        """See Transaction."""
        found = await super().all(statement, parameters)
        self.rows += len(found)
        return found


def _leaves(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Plans" not in plan:
        yield plan
    for part in plan.get("Plans", ()):
        yield from _leaves(part)


def _examined(leaf: dict[str, Any]) -> int:
    """Rows that a scan looked at, also those that it left out."""
    each: float = leaf["Actual Rows"] + leaf.get("Rows Removed by Filter", 0) + leaf.get("Rows Removed by Index Recheck", 0)
    return int(each * leaf["Actual Loops"])


@asynccontextmanager
async def explaining(bench: Bench, service: str) -> AsyncIterator[Explaining]:
    """Reads as `service` does, on a connection of its role."""
    url = sa.make_url(bench.stack.database_url(service)).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            yield Explaining(connection, service)
    finally:
        await engine.dispose()
