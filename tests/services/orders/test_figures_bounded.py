"""Figures and the journal read what they tell of, however many orders a store has."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import sqlalchemy as sa

from services.orders.queries.figures import figures_of
from services.orders.queries.journal import journal_page
from services.orders.requests.journal import JournalQuery
from shared.contracts.actor import Actor
from shared.web.figures import MAX_DAYS, By, FiguresQuery
from shared.web.pages import MAX_EXAMINED_ROWS
from tests.services.orders.test_lists_bounded import Explained, looked_at, many, nodes, tx
from tests.stack import Stack

__all__ = ["many", "tx"]  # fixtures

STORE = "store-of-very-many"
STAFF = Actor(STORE, "staff", "staff-1")
YEARS = 8
QUARTERS = YEARS * 365 * 96
BEGIN = datetime(2021, 1, 1, tzinfo=UTC)
FILL = """
insert into orders.figures (store_id, currency, quarter, placed, sold, collected)
select $1, 'BDT', timestamptz '2021-01-01 00:00:00+00' + n * interval '15 minutes', 2, 300, 100 from generate_series(0, $2::int - 1) n
"""
FILL_PAYMENTS = """
insert into orders.payments (store_id, payment_id, order_id, order_version, amount, method, reference, placed_at, occurred_at, recorded_at)
select store_id, gen_random_uuid(), order_id, 1, 100, 'cod', number, placed_at, placed_at, placed_at from orders.orders where store_id = $1
"""

pytestmark = pytest.mark.timeout(1_800)


@pytest.fixture(scope="module")
async def years(stack: Stack, many: None) -> AsyncIterator[None]:
    """Eight years in whose every quarter hour something was sold, and a payment for each of very many orders."""
    url = sa.make_url(stack.postgres_url).set(database=stack.name).render_as_string(hide_password=False)
    admin = await asyncpg.connect(url)
    await admin.execute("select pg_advisory_lock(hashtext($1))", f"{STORE} figures")
    await admin.execute("set session_replication_role = replica")
    if not await admin.fetchval("select exists (select from orders.figures where store_id = $1)", STORE):
        await admin.execute(FILL, STORE, QUARTERS, timeout=600)
        await admin.execute(FILL_PAYMENTS, STORE, timeout=600)
        await admin.execute("analyze orders.figures; analyze orders.payments")
    await admin.execute("select pg_advisory_unlock(hashtext($1))", f"{STORE} figures")
    yield
    await admin.close()


@pytest.mark.parametrize("by", MAX_DAYS)
async def test_figures_read_the_quarter_hours_that_are_asked_for(tx: Explained, years: None, by: By) -> None:
    days = MAX_DAYS[by]
    wanted = FiguresQuery(at_from=BEGIN + timedelta(days=200), at_before=BEGIN + timedelta(days=200 + days), by=by)
    found = await figures_of(tx, STAFF, wanted)
    [(_, buckets)] = found.currencies.values()
    assert len(buckets) == days * (24 if by == "hour" else 1)
    assert sum(one.sums["sold"] for one in buckets) == days * 96 * 300
    every = [node for plan in tx.plans for node in nodes(plan)]
    assert [node["Relation Name"] for node in every if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "figures"] == []
    assert looked_at(tx.plans) <= days * 96 + 2_000, "and the deltas that are not folded yet"


async def test_the_journal_is_walked_along_its_index(tx: Explained, years: None) -> None:
    cursor: str | None = None
    for wanted in (JournalQuery(), JournalQuery(occurred_from=BEGIN - timedelta(days=320)), JournalQuery(method="cheque")):
        for _ in range(3):
            tx.plans.clear()
            page = await journal_page(tx, STAFF, wanted, cursor=cursor, limit=200)
            every = [node for plan in tx.plans for node in nodes(plan)]
            assert [node["Node Type"] for node in every if node["Node Type"] == "Seq Scan"] == []
            assert looked_at(tx.plans) <= 3 * MAX_EXAMINED_ROWS
            assert len(page.items) == (0 if wanted.method else 200)
            cursor = page.next_cursor
            assert cursor is not None
        cursor = None
