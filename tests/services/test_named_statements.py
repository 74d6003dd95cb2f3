"""Every statement in a file is planned by PostgreSQL as it stands, by an index wherever it reads a table."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from shared.data.sql import statement
from tests.services.orders.test_lists_bounded import nodes
from tests.stack import Stack

SERVICES = Path(__file__).resolve().parents[2] / "services"
FILES = sorted(file.relative_to(SERVICES) for file in SERVICES.glob("*/sql/*.sql"))


async def planned(url: str, text: str) -> list[dict[str, Any]]:
    """The nodes of a statement's plan for any parameters, where a table is only read as a whole if no index answers."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("set local enable_seqscan = off")
            explain = await connection.prepare(f"explain (generic_plan, format json) {text}")
            (row,) = await explain.fetch(*(None for _ in explain.get_parameters()))  # a generic plan reads no value
        return nodes(json.loads(row[0])[0]["Plan"])
    finally:
        await connection.close()


@pytest.mark.parametrize("file", FILES, ids=str)
async def test_a_named_statement_is_planned(stack: Stack, file: Path) -> None:
    service = file.parts[0]
    text = str(statement(str(SERVICES / service / "app.py"), file.stem).compile(dialect=dialect()))  # type: ignore[no-untyped-call]  # an untyped dialect
    found = await planned(stack.database_url(service), text)
    assert [node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"] == []
