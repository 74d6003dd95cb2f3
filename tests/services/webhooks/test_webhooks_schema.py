"""The migrations make exactly what tables.py says."""

import asyncio

from shared.data.migrate import check
from tests.stack import Stack


async def test_no_drift_between_migrations_and_tables(stack: Stack) -> None:
    await asyncio.to_thread(check, "webhooks", stack.database_url("webhooks"))
