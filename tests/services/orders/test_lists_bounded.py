"""A page costs the same whatever is asked: at most 10,000 rows looked at, no sequential scan, no sort of the whole.

120,000 orders by default, so that the suite stays quick; `AFTERSALE_TEST_ORDERS=1000000` for the size that is promised.
"""

import os
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import create_async_engine

from services.orders.api.export import exported
from services.orders.queries.lists import Sort, page_of, search_for
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
START = datetime(2022, 1, 1, tzinfo=UTC)
"""When the first of them was changed; one more each minute, in another order than they were placed."""

pytestmark = pytest.mark.timeout(1_800)  # a million orders take some minutes to write

FILL = """
insert into orders.orders (store_id, order_id, version, number, external_ref, status, currency, language, prices_include_tax, customer_id,
    customer_name, email, phone, shipping_address, metadata, line_count, unit_count, goods_total, discount_total, tax_total, shipping,
    shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units, placed_at, recorded_at, updated_at, cancellation,
    address_problems, tracking, payment_method, fulfilment, tags)
select $1, gen_random_uuid(), 1, 'N' || n, 'web-' || n, (array['pending', 'confirmed', 'picked_up', 'shipped', 'delivered'])[1 + n % 5],
    'BDT', 'en', true, 'c-' || n % 1000, case when n % $3 = 7 then 'Zubaida Rarely' else 'Rahima Begum' end,
    'c' || n % 1000 || '@example.com', '+8801700000' || 100 + n % 900, jsonb_build_object('country_code', case when n % $3 = 7 then 'IN'
    else 'BD' end, 'name', case when n % $3 = 9 then 'Niece Rarely' else 'Rahima Begum' end, 'phone', case when n % $3 = 9
    then '+8801999999999' else '' end), '{}', 1, 1, 100, 0, 0, 0, 0, 100, case when n % 2 = 0 then 100 else 0 end, 0, 'none', 0, 0,
    timestamptz '2020-01-01' + n * interval '1 minute', now(), timestamptz '2022-01-01' + n * 7919::bigint % $2 * interval '1 minute', null,
    case when n % $3 = 7 then '[{"pointer": "/shipping_address/city", "code": "address_required", "message": ""}]'::jsonb else '[]' end,
    case when n % 2 = 0 then jsonb_build_object('carrier', 'Pathao', 'number', case when n % $3 = 8 then 'PX-RARE' else 'none' end) end,
    case when n % 3 = 0 then 'cod' end, case when n % $3 = 7 then 'pickup' else 'shipping' end,
    case when n % $3 = 7 then '["rare"]'::jsonb else '[]' end
from generate_series(1, $2::int) n
"""
FILL_BESIDE = (
    """insert into orders.lines (store_id, order_id, line, sku, name, quantity, unit_price, subtotal, discount, order_discount, tax, total,
        stock_tracked, placed_at)
    select store_id, order_id, 1, case when customer_name like 'Zub%' then 'RARE' else 'TEE-' || total % 3 end, 'x', 1, 100, 100, 0, 0, 0,
        100, false, placed_at
    from orders.orders where store_id = $1""",
    """insert into orders.payments (store_id, payment_id, order_id, order_version, amount, method, reference, occurred_at, recorded_at,
        placed_at)
    select store_id, gen_random_uuid(), order_id, 1, 100, 'card', case when tracking ->> 'number' = 'PX-RARE' then 'R-RARE' else 'cash' end,
        placed_at, placed_at, placed_at
    from orders.orders where store_id = $1 and collected > 0""",
    """insert into orders.parcel_numbers (store_id, order_id, number, placed_at)
    select store_id, order_id, tracking ->> 'number', placed_at from orders.orders where store_id = $1 and tracking is not null""",
)
TABLES = ("orders", "lines", "payments", "parcel_numbers")


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
        for statement in FILL_BESIDE:
            await admin.execute(statement, STORE, timeout=600)
        for table in TABLES:
            await admin.execute(f"analyze orders.{table}")
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
    tx: Explained, wanted: OrderFilter, cursor: str | None = None, actor: Actor = STAFF, sort: Sort = "-placed_at"
) -> Walked[Summary]:
    """One page, whose plans keep the promise."""
    tx.plans.clear()
    search = await search_for(tx, actor, wanted)
    page = await page_of(tx, actor, wanted, search, cursor=cursor, limit=50, sort=sort)
    every = [node for plan in tx.plans for node in nodes(plan)]
    unbounded = [node for node in every if node["Node Type"] in ("Seq Scan", "HashAggregate", "Hash")]
    assert [node for node in unbounded if node.get("Relation Name") != "settings"] == []
    sorted_rows = [node["Actual Rows"] for node in every if "Sort" in node["Node Type"]]
    assert all(rows <= MAX_EXAMINED_ROWS for rows in sorted_rows), "at most what is left at the end of a list may be sorted"
    assert looked_at(tx.plans) <= MAX_ROWS
    return page


FILTERS = [
    OrderFilter(),
    OrderFilter(status=["shipped"]),
    OrderFilter(status=["shipped", "delivered"]),
    OrderFilter(payment=["paid"], total_from=50),
    OrderFilter(customer_id="c-7"),
    OrderFilter(customer_id="c-7", status=["delivered"], payment=["unpaid"]),
    OrderFilter(refund_state=["full"]),
    OrderFilter(status=["pending"], total_from=101),
    OrderFilter(number="N77"),
    OrderFilter(external_ref="web-77"),
    OrderFilter(number="N77", external_ref="web-78"),
    OrderFilter(sku="TEE-1"),
    OrderFilter(sku="TEE-1", refund_state=["full"]),
    OrderFilter(country="IN"),
    OrderFilter(carrier="PATHAO"),
    OrderFilter(carrier="nobody"),
    OrderFilter(tracking_number="none"),
    OrderFilter(tracking_number="PX-RARE"),
    OrderFilter(payment_method="cod"),
    OrderFilter(payment_method="cheque"),
    OrderFilter(payment_reference="cash"),
    OrderFilter(payment_reference="cash", tag="rare"),
    OrderFilter(payment_reference="R-RARE"),
    OrderFilter(fulfilment=["pickup"]),
    OrderFilter(tag="rare"),
    OrderFilter(needs_attention=True),
    OrderFilter(updated_from=START, updated_before=START + timedelta(days=1)),
    OrderFilter(q="N77"),
    OrderFilter(q="web-77"),
    OrderFilter(q="C7@example.com"),
    OrderFilter(q="+8801700000177"),
    OrderFilter(q="+8801999999999"),
    OrderFilter(q="none"),
    OrderFilter(q="PX-RARE"),
    OrderFilter(q="cash"),
    OrderFilter(q="cash", status=["confirmed"]),
    OrderFilter(q="R-RARE"),
    OrderFilter(q="TEE-1"),
    OrderFilter(q="TEE-1", sku="RARE"),
    OrderFilter(q="RAHIMA"),
    OrderFilter(q="rahima", tag="rare"),
    OrderFilter(q="zubai"),
    OrderFilter(q="niece rarely"),
    OrderFilter(q="nobody"),
]


@pytest.mark.parametrize("sort", ["-placed_at", "updated_at"])
@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: repr(wanted.model_dump(exclude_defaults=True)))
async def test_a_page_and_its_neighbours_are_bounded(tx: Explained, wanted: OrderFilter, sort: Sort) -> None:
    cursor: str | None = None
    for _ in range(3):
        page = await a_page(tx, wanted, cursor, sort=sort)
        cursor = page.next_cursor
        if cursor is None:
            return
    assert page.previous_cursor is not None
    await a_page(tx, wanted, page.previous_cursor, sort=sort)


@pytest.mark.parametrize("wanted", [one for one in FILTERS if one.q], ids=lambda wanted: repr(wanted.model_dump(exclude_defaults=True)))
async def test_a_customer_walks_their_own_orders(tx: Explained, wanted: OrderFilter) -> None:
    sorts: tuple[Sort, ...] = ("-placed_at", "updated_at")
    for sort in sorts:
        page = await a_page(tx, wanted, actor=Actor(STORE, "customer", "c-8"), sort=sort)
        assert {item.customer_id for item in page.items} <= {"c-8"}
        assert looked_at(tx.plans) <= 6 * ORDERS // 1000 + 200, "not the rows of everybody"


async def every_page(tx: Explained, wanted: OrderFilter, sort: Sort = "-placed_at") -> tuple[list[Summary], int]:
    """All matches, page by page."""
    found, cursor, pages = [], None, 0
    while True:
        page = await a_page(tx, wanted, cursor, sort=sort)
        found += page.items
        pages, cursor = pages + 1, page.next_cursor
        if cursor is None:
            return found, pages


def rare(remainder: int) -> list[str]:
    """The numbers of one order in RARE, newest first."""
    return [f"N{n}" for n in range(ORDERS, 0, -1) if n % RARE == remainder]


async def test_one_in_a_hundred_thousand_is_found_page_by_page(tx: Explained) -> None:
    """By what no index answers: short pages with a cursor, until every match was met, once."""
    found, pages = await every_page(tx, OrderFilter(payment=["unpaid"], tag="rare"))
    assert [item.number for item in found] == rare(7)
    assert pages <= ORDERS // MAX_EXAMINED_ROWS + 2


@pytest.mark.parametrize(
    ("wanted", "remainder"),
    [
        (OrderFilter(sku="RARE"), 7),
        (OrderFilter(tracking_number="PX-RARE"), 8),
        (OrderFilter(payment_reference="R-RARE"), 8),
        (OrderFilter(q="RARE"), 7),
        (OrderFilter(q="zUb"), 7),
        (OrderFilter(q="niece"), 9),
        (OrderFilter(q="+8801999999999"), 9),
        (OrderFilter(q="PX-RARE"), 8),
        (OrderFilter(q="R-RARE"), 8),
    ],
    ids=lambda one: repr(one.model_dump(exclude_defaults=True)) if isinstance(one, OrderFilter) else str(one),
)
@pytest.mark.parametrize("sort", ["-placed_at", "updated_at"])
async def test_what_few_orders_have_is_found_at_once(tx: Explained, wanted: OrderFilter, remainder: int, sort: Sort) -> None:
    page = await a_page(tx, wanted, sort=sort)
    assert {item.number for item in page.items} == set(rare(remainder)[:50])
    assert page.next_cursor is None
    times = [getattr(item, sort.strip("-")) for item in page.items]
    assert times == sorted(times, reverse=sort.startswith("-"))
    assert looked_at(tx.plans) < 300, "also the newest orders, for the countries of a telephone number"


async def test_all_that_changed_is_pulled_in_its_order_once(tx: Explained) -> None:
    day = OrderFilter(updated_from=START, updated_before=START + timedelta(days=1))
    found, pages = await every_page(tx, day, "updated_at")
    assert [item.updated_at for item in found] == [START + timedelta(minutes=at) for at in range(24 * 60)]
    assert pages == 24 * 60 // 50 + 1


async def test_a_common_beginning_of_names_is_walked(tx: Explained) -> None:
    page = await a_page(tx, OrderFilter(q="rahima"))
    assert [item.number for item in page.items] == [f"N{n}" for n in range(ORDERS, 0, -1) if n % RARE != 7][:50]


@pytest.mark.parametrize("wanted", [OrderFilter(needs_attention=True), OrderFilter(needs_attention=True, currency="BDT")], ids=repr)
async def test_the_few_orders_that_need_attention_are_found_at_once(tx: Explained, wanted: OrderFilter) -> None:
    page = await a_page(tx, wanted)
    assert [item.number for item in page.items] == rare(7)[:50]
    assert looked_at(tx.plans) < 100, "along the index of such orders"


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
