"""Pages of the list of orders, in a store of 1,000 orders and in one of a million: time, and buffers read per row returned."""

import json
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.orders.queries.lists import page_of
from services.orders.requests.lists import OrderFilter
from shared.contracts.actor import Actor
from shared.data.db import Transaction
from tests.bench.generator import drive, request
from tests.bench.measures import Bench

LIMIT = 50
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
CUSTOMERS = 500

FILL = """
insert into orders.orders (store_id, order_id, version, number, status, currency, language, prices_include_tax, customer_id,
    customer_name, email, phone, shipping_address, billing_address, metadata, line_count, unit_count, goods_total, discount_total,
    tax_total, shipping, shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units, placed_at, recorded_at)
select $1, md5($1 || n)::uuid, 1, n::text, (array['pending', 'confirmed', 'shipped', 'delivered'])[1 + n % 4], 'BDT', 'en', true,
    'c-' || n % $3, 'Rahima Begum ' || n % 97, 'c' || n % $3 || '@example.com', '+8801700' || n % $3, '{}', '{}', '{}', 1, 1, 1000, 0, 0, 0,
    0, 1000, case when n % 3 = 0 then 1000 else 0 end, 0, 'none', 0, 0, now() - n * interval '1 minute', now()
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
        rows, buffers = await _explained(bench, store, wanted)
        found.append(
            PageCost(
                orders,
                name,
                round(figures.percentile(0.5), 2),
                round(figures.percentile(0.99), 2),
                round(figures.per_second, 1),
                rows,
                buffers,
            )
        )
    return found


class _Explaining:
    """Stands in for a Transaction: runs each statement of the service under EXPLAIN, and adds up what it read."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.rows = 0
        self.buffers = 0

    async def all(self, statement: sa.Select[Any]) -> list[Any]:
        plan = await self._explain(statement)
        self.rows += int(plan["Actual Rows"])
        return list((await self._connection.execute(statement)).all())

    async def first(self, statement: sa.Select[Any]) -> Any:
        await self._explain(statement)
        return (await self._connection.execute(statement)).first()

    async def _explain(self, statement: sa.Select[Any]) -> dict[str, Any]:
        text = str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
        told = await self._connection.exec_driver_sql(f"explain (analyze, buffers, format json) {text}".replace("%%", "%"))
        found = told.scalar()
        assert found is not None
        plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        self.buffers += int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
        return plan


async def _explained(bench: Bench, store: str, wanted: OrderFilter) -> tuple[int, int]:
    url = sa.make_url(bench.stack.database_url("orders")).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            explaining = _Explaining(connection)
            await page_of(cast(Transaction, explaining), Actor(store, "staff", "s"), wanted, None, cursor=None, limit=LIMIT)
    finally:
        await engine.dispose()
    return explaining.rows, explaining.buffers
