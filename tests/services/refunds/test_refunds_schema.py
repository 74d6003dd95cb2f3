"""Models and migrations say the same, and a migration of a shop that is open counts what is there already."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command

from shared.data import migrate
from tests.services.refunds.own_stack import own_stack
from tests.services.refunds.scenes import ask, delivered, prepaid
from tests.shop import Shop
from tests.stack import Stack


async def test_migrations_make_what_the_models_say(stack: Stack) -> None:
    await asyncio.to_thread(migrate.check, "refunds", stack.database_url("refunds"))


async def test_refunds_of_before_are_counted_by_the_migration(shop: Shop, tmp_path: Path) -> None:
    order_id = await delivered(shop, **prepaid())
    (await ask(shop.customer(), order_id, (1, 1))).ok()
    own = await asyncio.to_thread(own_stack, shop.stack, tmp_path, "counts")
    try:
        config = migrate.config("refunds", own.database_url("refunds"))
        await asyncio.to_thread(command.downgrade, config, "0001")
        connection = await asyncpg.connect(own.database_url("refunds"))
        try:
            for table in ("orders", "refunds"):
                rows = await shop.rows("refunds", f"select to_jsonb(t)::text as row from {table} t where store_id = {{store}}")
                copy = f"insert into refunds.{table} select * from jsonb_populate_record(null::refunds.{table}, $1::jsonb)"
                for row in rows:
                    await connection.execute(copy, row["row"])
            await asyncio.to_thread(command.upgrade, config, "head")
            counted = "select status, refunds from refunds.counts where store_id = $1"
            assert [tuple(row) for row in await connection.fetch(counted, shop.store)] == [("processing", 1)]
        finally:
            await connection.close()
    finally:
        await asyncio.to_thread(own.stop)
