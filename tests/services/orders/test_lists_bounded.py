"""A page costs the same whatever is asked: at most 10,000 rows looked at, no sequential scan, no sort of the whole.

120,000 orders by default, so that the suite stays quick; `AFTERSALE_TEST_ORDERS=1000000` for the size that is promised.
"""

import os
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import create_async_engine

from services.orders.api.export import exported
from services.orders.queries.lists import Search, page_of, search_for
from services.orders.requests.lists import ExportQuery, OrderFilter
from services.orders.state import Summary
from services.orders.tables import metadata
from shared.contracts.actor import Actor
from shared.data.db import Database, Transaction
from shared.data.schema import kernel_tables
from shared.process.settings import Settings
from shared.web.exports import Exporting
from shared.web.pages import MAX_EXAMINED_ROWS, Walked
from tests.stack import Stack

ORDERS = int(os.environ.get("AFTERSALE_TEST_ORDERS", "120000"))
PEAKS = 4  # looks at the memory of an export, one for 10,000 orders
RARE = 100_000  # one order in so many is what the tests look for
STORE = "store-of-very-many"
STAFF = Actor(STORE, "staff", "staff-1")
MAX_ROWS = 10_000

pytestmark = pytest.mark.timeout(1_800)  # a million orders take some minutes to write

FILL = """
insert into orders.orders (store_id, order_id, version, number, status, currency, language, prices_include_tax, customer_id,
    customer_name, email, phone, metadata, line_count, unit_count, goods_total, discount_total, tax_total, shipping, shipping_tax, total,
    collected, refunded_total, refund_state, refunds, refunded_units, placed_at, recorded_at, cancellation, address_problems)
select $1, gen_random_uuid(), 1, 'N' || n, (array['pending', 'confirmed', 'picked_up', 'shipped', 'delivered'])[1 + n % 5], 'BDT',
    'en', true, 'c-' || n % 1000, case when n % $3 = 7 then 'Zubaida Rarely' else 'Rahima Begum' end,
    'c' || n % 1000 || '@example.com', '', '{}', 1, 1, 100, 0, 0, 0, 0, 100, case when n % 2 = 0 then 100 else 0 end, 0, 'none', 0, 0,
    timestamptz '2020-01-01' + n * interval '1 minute', now(), null,
    case when n % $3 = 7 then '[{"pointer": "/shipping_address/city", "code": "address_required", "message": ""}]'::jsonb else '[]' end
from generate_series(1, $2::int) n
"""
FILL_LINES = """
insert into orders.lines (store_id, order_id, line, sku, name, quantity, unit_price, subtotal, discount, order_discount, tax, total,
    stock_tracked, placed_at)
select store_id, order_id, 1, case when customer_name like 'Zub%' then 'RARE' else 'TEE-' || total % 3 end, 'x', 1, 100, 100, 0, 0, 0, 100,
    false, placed_at
from orders.orders where store_id = $1
"""


class Explained(Transaction):
    """A transaction that also keeps the plan of every statement, as it really ran."""

    plans: list[dict[str, Any]]

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> Any:
        assert parameters is None
        text = str(statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined, no-untyped-call]  # a ClauseElement, in an untyped dialect
        row: Row[Any] | None = (await self._connection.exec_driver_sql(f"explain (analyze, format json) {text}")).first()
        assert row is not None
        self.plans.append(row[0][0]["Plan"])
        return await super().execute(statement)


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in nodes(part))]


def looked_at(plans: list[dict[str, Any]]) -> int:
    """Rows that scans of tables and indexes touched, kept or not."""
    scans = [node for plan in plans for node in nodes(plan) if "Relation Name" in node]
    return sum(int((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"]) for scan in scans)


@pytest.fixture(scope="module")
async def many(stack: Stack) -> AsyncIterator[None]:
    """A store with very many orders, written past the triggers (their work is not what is measured here)."""
    url = sa.make_url(stack.postgres_url).set(database=stack.name).render_as_string(hide_password=False)
    admin = await asyncpg.connect(url)
    await admin.execute("select pg_advisory_lock(hashtext($1))", STORE)  # another process of this run may be writing and analyzing them
    await admin.execute("set session_replication_role = replica")
    if not await admin.fetchval("select exists (select from orders.orders where store_id = $1)", STORE):
        await admin.execute(FILL, STORE, ORDERS, RARE, timeout=600)
        await admin.execute(FILL_LINES, STORE, timeout=600)
        await admin.execute("analyze orders.orders; analyze orders.lines")
    await admin.execute("select pg_advisory_unlock(hashtext($1))", STORE)
    yield
    await admin.close()


@pytest.fixture
async def tx(stack: Stack, many: None) -> AsyncIterator[Explained]:
    engine = create_async_engine(sa.make_url(stack.database_url("orders")).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        made = Explained(connection, kernel_tables(metadata), "orders")
        made.plans = []
        yield made
    await engine.dispose()


async def a_page(
    tx: Explained, wanted: OrderFilter, search: Search | None = None, cursor: str | None = None, actor: Actor = STAFF
) -> Walked[Summary]:
    """One page, whose plans keep the promise."""
    tx.plans.clear()
    page = await page_of(tx, actor, wanted, search, cursor=cursor, limit=50)
    every = [node for plan in tx.plans for node in nodes(plan)]
    assert [node["Node Type"] for node in every if node["Node Type"] in ("Seq Scan", "HashAggregate", "Hash")] == []
    sorted_rows = [node["Actual Rows"] for node in every if "Sort" in node["Node Type"]]
    assert all(rows <= MAX_EXAMINED_ROWS for rows in sorted_rows), "at most what is left at the end of a list may be sorted"
    assert looked_at(tx.plans) <= MAX_ROWS
    return page


@pytest.mark.parametrize(
    ("wanted", "search"),
    [
        (OrderFilter(), None),
        (OrderFilter(status=["shipped"]), None),
        (OrderFilter(status=["shipped", "delivered"]), None),
        (OrderFilter(payment=["paid"], total_from=50), None),
        (OrderFilter(customer_id="c-7"), None),
        (OrderFilter(customer_id="c-7", status=["delivered"], payment=["unpaid"]), None),
        (OrderFilter(), Search("email", "C7@example.com")),
        (OrderFilter(), Search("sku", "TEE-1")),
        (OrderFilter(), Search("number", "N77")),
        (OrderFilter(refund_state=["full"]), None),
        (OrderFilter(status=["pending"], total_from=101), None),
    ],
    ids=repr,
)
async def test_a_page_and_its_neighbours_are_bounded(tx: Explained, wanted: OrderFilter, search: Search | None) -> None:
    cursor: str | None = None
    for _ in range(3):
        page = await a_page(tx, wanted, search, cursor)
        cursor = page.next_cursor
        if cursor is None:
            return
    assert page.previous_cursor is not None
    await a_page(tx, wanted, search, page.previous_cursor)


async def test_one_in_a_hundred_thousand_is_found_page_by_page(tx: Explained) -> None:
    """A part of a name that no index answers: short pages with a cursor, until every match was met, once."""
    wanted, search = OrderFilter(payment=["unpaid"]), Search("name", "rarely")
    found, cursor, pages = [], None, 0
    while True:
        page = await a_page(tx, wanted, search, cursor)
        found += [item.number for item in page.items]
        pages, cursor = pages + 1, page.next_cursor
        if cursor is None:
            break
    assert found == [f"N{n}" for n in range(ORDERS, 0, -1) if n % RARE == 7]
    assert pages <= ORDERS // 5_000 + 2


async def test_a_rare_sku_is_found_at_once(tx: Explained) -> None:
    page = await a_page(tx, OrderFilter(), Search("sku", "RARE"))
    assert [item.number for item in page.items] == [f"N{n}" for n in range(ORDERS, 0, -1) if n % RARE == 7][:50]


@pytest.mark.parametrize("wanted", [OrderFilter(needs_attention=True), OrderFilter(needs_attention=True, currency="BDT")], ids=repr)
async def test_the_few_orders_that_need_attention_are_found_at_once(tx: Explained, wanted: OrderFilter) -> None:
    page = await a_page(tx, wanted)
    assert [item.number for item in page.items] == [f"N{n}" for n in range(ORDERS, 0, -1) if n % RARE == 7][:50]
    assert looked_at(tx.plans) < 100, "along the index of such orders"


async def test_a_customers_search_by_sku_walks_their_own_orders(tx: Explained) -> None:
    customer = Actor(STORE, "customer", "c-8")
    page = await a_page(tx, OrderFilter(), Search("sku", "TEE-1"), actor=customer)
    assert [item.customer_id for item in page.items] == ["c-8"] * 50
    assert looked_at(tx.plans) < 1_000, "not the lines of everybody"
    tx.plans.clear()
    assert (await search_for(tx, customer, "TEE-1", None)).kind == "sku"
    assert (await search_for(tx, customer, "RARE", None)).kind == "name"
    assert looked_at(tx.plans) < 1_000


async def test_an_export_of_everything_runs_in_constant_memory(stack: Stack, many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack.settings.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load("orders")
    database, exporting = Database(settings, metadata), Exporting(settings)
    lines, peaks = 0, []
    tracemalloc.start()
    try:
        async for chunk in exported(exporting, database, STAFF, ExportQuery(), None):
            lines += chunk.count(b"\r\n")
            if lines % 10_000 == 1 and tracemalloc.is_tracing():
                peaks.append(tracemalloc.get_traced_memory()[0])
            if len(peaks) == PEAKS:
                tracemalloc.stop()  # it makes everything several times slower
    finally:
        tracemalloc.stop()
        await database.close()
    assert (lines, len(peaks)) == (ORDERS + 1, PEAKS)
    assert max(peaks[1:]) < peaks[1] + 2_000_000, "what is in memory does not grow with what was sent"
