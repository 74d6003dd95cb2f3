"""Renderings by turns: a store with many documents to render, or large ones, does not hold up another's."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from services.documents.commands.renderings import BATCH, _claim
from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Renderer
from services.documents.settings import DocumentSettings
from services.documents.tables import metadata
from shared.contracts.ids import new_uuid
from shared.data.db import Database
from tests.services.documents.specimens import CODE, specimen
from tests.stack import Stack


async def test_the_worker_takes_documents_by_turns_over_the_stores(alone: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty of one store wait longest; the one of another store is in the first batch nevertheless."""
    for name, value in alone.settings.items():
        monkeypatch.setenv(name, value)
    now = datetime.now(UTC)
    waiting = [("many", now - timedelta(minutes=5)) for _ in range(20)] + [("few", now - timedelta(seconds=1))]
    admin = await asyncpg.connect(str(sa.make_url(alone.postgres_url).set(database=alone.name).render_as_string(hide_password=False)))
    await admin.execute("set session_replication_role = replica")  # a rendering without its document
    await admin.executemany(
        "insert into documents.renderings (store_id, document_id, next_attempt_at, ahead) values ($1, $2, $3, true)",
        [(store, new_uuid(), since) for store, since in waiting],
    )
    await admin.close()
    database = Database(DocumentSettings.load("documents"), metadata)
    claimed = [await _claim(database, now=now) for _ in range(3)]
    await database.close()
    assert [len(batch) for batch in claimed] == [BATCH] * 3
    assert [store for store, _ in claimed[0]].count("few") == 1, "another store's document is in the first batch"
    assert len({document for batch in claimed for _, document in batch}) == 3 * BATCH


async def test_large_documents_of_one_store_leave_a_process_to_the_next_store() -> None:
    """Views are made at their turn: of six of one store two are at work, and another store's page comes before the third."""
    renderer, order = Renderer(processes=3, deadline_seconds=60, memory_mb=1024), list[str]()

    async def renders(store: str, lines: int) -> None:
        def view() -> dict[str, Any]:
            order.append(store)
            return view_of(specimen("invoice", "en", count=lines), code=CODE)

        await renderer.pdf(view, store)

    big = [asyncio.create_task(renders("greedy", 60)) for _ in range(6)]
    await asyncio.sleep(0)
    assert (renderer.processes.shares.held("greedy"), renderer.processes.shares.waiting) == (2, 4)
    small = asyncio.create_task(renders("calm", 1))
    await asyncio.sleep(0)
    assert renderer.processes.shares.held("calm") == 1
    await asyncio.gather(small, *big)
    await renderer.close()
    assert "calm" in order[:3]
    assert sorted(order) == ["calm", *["greedy"] * 6]
