"""A page costs the same whatever is asked: at most 10,000 rows looked at, no sequential scan, no sort of the whole.

120,000 refunds by default, so that the suite stays quick; `AFTERSALE_TEST_REFUNDS=1000000` for the size that is promised.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from services.refunds.queries.counts import counts_of
from services.refunds.queries.refunds import median_seconds_to_decide, page
from services.refunds.requests import RefundFilter
from services.refunds.tables import metadata
from shared.contracts.actor import Actor
from shared.data.schema import kernel_tables
from tests.services.orders.test_lists_bounded import Explained, looked_at, nodes
from tests.stack import Stack

REFUNDS = int(os.environ.get("AFTERSALE_TEST_REFUNDS", "120000"))
FAILED_EVERY = 40_000  # one refund in so many could not be settled
STORE = "store-of-very-many"
STAFF = Actor(STORE, "staff", "staff-1")
CUSTOMER = Actor(STORE, "customer", "c-7")
MAX_ROWS = 10_000
NOW = datetime(2030, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.timeout(1_800)  # a million refunds take some minutes to write

FILL = """
insert into refunds.refunds (store_id, refund_id, order_id, order_number, customer_id, version, status, settlement, cause, payment_id,
    order_version, order_invoiced, policy_version, reason, currency, amount, credit, goods, shipping, overpaid, shipping_kept,
    settled_amount, explanation, requested_by, requested_at, decided_by, decided_at, overdue_at)
select $1, gen_random_uuid(), gen_random_uuid(),
    case when n % $3 = 7 then 'RARE-' else 'N' end || n, 'c-' || n % 1000, 2, case when n % 50 = 0 then 'processing'
        when n % 10 = 1 then 'cancelled' else 'approved' end,
    case when n % 50 = 0 or n % 10 = 1 then 'none' when n % $3 = 7 then 'failed' else 'settled' end,
    case when n % 7 = 3 then 'cancellation' else 'request' end, null, 1, true, 0, 'damaged', 'BDT', 100, 100, 100, 0, 0, 0,
    case when n % 50 = 0 or n % 10 = 1 or n % $3 = 7 then 0 else 100 end, '{}', '{}',
    timestamptz '2020-01-01' + n * interval '1 minute', null,
    case when n % 50 = 0 then null else timestamptz '2020-01-02' + n * interval '1 minute' end,
    timestamptz '2020-01-03' + n * interval '1 minute'
from generate_series(1, $2::int) n
"""


@pytest.fixture(scope="module")
async def many(stack: Stack) -> AsyncIterator[None]:
    """A store with very many refunds, written past the triggers and keys (their work is not what is measured here)."""
    url = sa.make_url(stack.postgres_url).set(database=stack.name).render_as_string(hide_password=False)
    admin = await asyncpg.connect(url)
    await admin.execute("select pg_advisory_lock(hashtext($1))", STORE)  # another process of this run may be writing and analyzing them
    await admin.execute("set session_replication_role = replica")
    if not await admin.fetchval("select exists (select from refunds.refunds where store_id = $1)", STORE):
        await admin.execute(FILL, STORE, REFUNDS, FAILED_EVERY, timeout=600)
        sums = "insert into refunds.counts select store_id, status, count(*) from refunds.refunds where store_id = $1 group by 1, 2"
        await admin.execute(sums, STORE, timeout=600)
        await admin.execute("vacuum analyze refunds.refunds", timeout=600)
    await admin.execute("select pg_advisory_unlock(hashtext($1))", STORE)
    yield
    await admin.close()


@pytest.fixture
async def tx(stack: Stack, many: None) -> AsyncIterator[Explained]:
    engine = create_async_engine(sa.make_url(stack.database_url("refunds")).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        made = Explained(connection, kernel_tables(metadata), "refunds")
        made.plans = []
        yield made
    await engine.dispose()


def is_bounded(tx: Explained) -> None:
    """What was asked looked at few rows, through indexes that had them in order."""
    every = [node for plan in tx.plans for node in nodes(plan) if node.get("Relation Name", "refunds") == "refunds"]
    assert [node["Node Type"] for node in every if node["Node Type"] in ("Seq Scan", "Hash")] == [], every
    assert all(node["Actual Rows"] <= MAX_ROWS for node in every if "Sort" in node["Node Type"])
    assert looked_at(tx.plans) <= MAX_ROWS


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"status": "processing"},
        {"status": "cancelled", "cause": "cancellation"},
        {"settlement": "failed"},
        {"settlement": "settled", "cause": "request"},
        {"cause": "payment"},
        {"customer_id": "c-7"},
        {"customer_id": "c-7", "status": "cancelled"},
        {"status": "processing", "settlement": "settled"},
        {"order_number": "N77"},
        {"q": "N77"},
        {"q": "N"},
        {"q": "RARE-"},
        {"q": "c-7"},
        {"q": "nowhere"},
        {"overdue": True},
        {"overdue": True, "requested_at.lt": datetime(2019, 1, 1, tzinfo=UTC)},
        {"requested_at.gte": datetime(2020, 1, 2, tzinfo=UTC), "requested_at.lt": datetime(2020, 1, 9, tzinfo=UTC), "cause": "payment"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("actor", [STAFF, CUSTOMER], ids=["staff", "customer"])
async def test_a_page_and_the_next_are_bounded(tx: Explained, wanted: dict[str, Any], actor: Actor) -> None:
    after = None
    for _ in range(3):
        tx.plans.clear()
        found = await page(tx, actor, RefundFilter(**wanted), now=NOW, cursor=after, limit=50)
        after = found.next_cursor
        assert len(found.items) <= 50
        is_bounded(tx)
        if after is None:
            return


async def every_page(tx: Explained, wanted: RefundFilter) -> tuple[list[str], int]:
    """Order numbers of all pages, each bounded, and how many pages there were."""
    found: list[str] = []
    after, pages = None, 0
    while True:
        tx.plans.clear()
        one = await page(tx, STAFF, wanted, now=NOW, cursor=after, limit=50)
        after = one.next_cursor
        is_bounded(tx)
        found, pages = found + [row.order_number for row in one.items], pages + 1
        if after is None:
            return found, pages


async def test_what_could_not_be_settled_is_found_at_once(tx: Explained) -> None:
    failed = [f"RARE-{n}" for n in range(REFUNDS, 0, -1) if n % FAILED_EVERY == 7 and n % 7 != 3]
    assert await every_page(tx, RefundFilter(settlement="failed", cause="request")) == (failed, 1)


async def test_one_in_very_many_is_found_page_by_page(tx: Explained) -> None:
    """The beginning of a number, which no index has in the list's order: short pages that go on, until each match was met, once."""
    found, pages = await every_page(tx, RefundFilter(q="RARE-"))
    assert found == [f"RARE-{n}" for n in range(REFUNDS, 0, -1) if n % FAILED_EVERY == 7]
    assert pages <= REFUNDS // 5_000 + 1


async def test_a_whole_number_wins_over_its_beginnings(tx: Explained) -> None:
    assert await every_page(tx, RefundFilter(q="N9999")) == (["N9999"], 1)


async def test_counts_and_the_median_are_bounded(tx: Explained) -> None:
    waiting = REFUNDS // 50
    cancelled = sum(1 for n in range(1, REFUNDS + 1) if n % 10 == 1)
    tx.plans.clear()
    assert await counts_of(tx, STAFF, now=NOW) == {
        "processing": waiting, "approved": REFUNDS - waiting - cancelled, "cancelled": cancelled, "overdue": min(waiting, 5_000),
    }  # fmt: skip
    assert await median_seconds_to_decide(tx, STORE) == 86_400
    is_bounded(tx)
