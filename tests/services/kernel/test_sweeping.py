"""New tables are analyzed before autovacuum comes, each once, and none that another transaction holds."""

from datetime import UTC, datetime

import asyncpg

from shared.data.sweeping import analyze_new
from tests.services.kernel.lab import Lab, an_event

NOW = datetime.now(UTC)


async def known_rows(admin: "asyncpg.Connection[asyncpg.Record]", table: str) -> float:
    """What the planner believes; -1 if it knows nothing."""
    return float(await admin.fetchval(f"select reltuples from pg_class where oid = 'notes.{table}'::regclass"))


async def test_a_table_with_rows_and_without_statistics_is_analyzed_once(lab: Lab) -> None:
    admin = await asyncpg.connect(lab.admin_url)
    try:
        await lab.emit(*(an_event() for _ in range(30)))
        assert [await known_rows(admin, table) for table in ("events", "inbox")] == [-1, -1]
        assert await analyze_new(lab.database, lab.settings, now=NOW) == 1
        assert [await known_rows(admin, table) for table in ("events", "inbox")] == [30, -1], "an empty table has nothing to say"
        await lab.emit(an_event())
        assert await analyze_new(lab.database, lab.settings, now=NOW) == 0
        assert await known_rows(admin, "events") == 30, "from now on it is autovacuum's"
    finally:
        await admin.close()


async def test_a_table_that_is_being_changed_is_not_waited_for(lab: Lab) -> None:
    admin = await asyncpg.connect(lab.admin_url)
    try:
        await lab.emit(an_event())
        async with admin.transaction():
            await admin.execute("lock table notes.events in share update exclusive mode")
            await analyze_new(lab.database, lab.settings, now=NOW)
            assert await known_rows(admin, "events") == -1
        await analyze_new(lab.database, lab.settings, now=NOW)
        assert await known_rows(admin, "events") == 1
    finally:
        await admin.close()
