"""Random changes made behind the services' backs, each in a transaction that is rolled back."""

import json
import random
from typing import Any, NamedTuple

import asyncpg

from deploy.operator.reconcile.run import Asking, reconcile
from tests.stack import SERVICES

WORDS = {
    "status": ("pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled", "processing", "approved"),
    "refund_state": ("none", "partial", "full"),
    "payment": ("paid", "unpaid"),
    "settlement": ("none", "unsettled", "settled", "failed"),
    "shipping_choice": ("policy", "keep", "refund"),
    "disposition": ("restock", "inspect", "discard", "never_left"),
    "outcome": ("succeeded", "failed"),
    "audience": ("customer", "private"),
    "side": ("shop", "customer"),
    "retracted_by_side": ("shop", "customer"),
    "state": ("waiting", "parked"),
    "kind": (
        "invoice",
        "receipt",
        "cancelling_receipt",
        "credit_note",
        "refund_receipt",
        "settled_twice",
        "failed_after_settled",
        "written_off",
        "kept",
    ),
    "cause": ("request", "cancellation", "part_cancellation", "history", "payment", "order", "refund", "shipping_kept", "correction"),
    "mode": ("on", "off", "elsewhere"),
}
"""Status columns, by name, with words that they know."""
LINKS = (
    "customer_id",
    "subject_id",
    "subject",
    "order_number",
    "number",
    "external_ref",
    "sku",
    "type",
    "currency",
    "sha256",
    "method",
    "reference",
)
"""Text that names something."""
SAME_EACH_TIME = (
    "customer_id", "external_ref", "sku", "type", "currency", "method", "reference",
    "amount", "total", "quantity", "unit_price", "line", "version", "revision", "sequence",
)  # fmt: skip
"""Columns, by name, whose values do not depend on ids, clocks or the order in which events arrive."""
NUMBERS = ("bigint", "integer", "smallint", "numeric")


class Column(NamedTuple):
    schema: str
    table: str
    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.name}"


async def columns(connection: asyncpg.Connection, *more: str) -> list[Column]:
    """Every column of the kinds that this test changes, and of `more` types; what PostgreSQL computes by itself cannot be changed."""
    rows = await connection.fetch(
        """select table_schema, table_name, column_name, data_type from information_schema.columns
           where table_schema = any($1) and table_name <> 'alembic_version' and is_generated = 'NEVER' and is_identity = 'NO'
           order by 1, 2, ordinal_position""",
        list(SERVICES),
    )
    found = [Column(*row) for row in rows]
    return [
        column for column in found if column.type in (*NUMBERS, *more, "uuid", "boolean") or column.name in WORDS or column.name in LINKS
    ]


def change(column: Column, value: Any, rng: random.Random) -> str:
    """Another value, as SQL."""
    name = f'"{column.name}"'
    if column.type in NUMBERS:
        return f"coalesce({name}, 0) + {rng.choice((1, 1, -1, 7))}"
    if column.type == "uuid":
        return f"'{random.Random(rng.random()).getrandbits(128):032x}'::uuid"
    if column.type == "boolean":
        return f"not {name}"
    if column.type == "jsonb":
        return f"'{json.dumps(another(json.loads(value or '[]'), rng))}'::jsonb"
    if column.name in WORDS:
        return "'" + rng.choice([word for word in WORDS[column.name] if word != value]) + "'"
    return f"coalesce({name}, '') || 'x'"


def another(value: Any, rng: random.Random) -> Any:
    """The same JSON with another value at one place."""
    if isinstance(value, dict) and value:
        name = rng.choice(sorted(value))
        return value | {name: another(value[name], rng)}
    if isinstance(value, list) and value:
        at = rng.randrange(len(value))
        return [*value[:at], another(value[at], rng), *value[at + 1 :]]
    if isinstance(value, str | bool) or value is None:
        return {"str": f"{value}x", "bool": not value}.get(type(value).__name__, "x")
    return value + rng.choice((1, 1, -1, 7)) if isinstance(value, int) else [*value, 1] if isinstance(value, list) else {"x": 1}


def in_the_same_order(table: list[Column]) -> str:
    """SQL that orders a table's rows by what neither ids nor the order of arrival change: the place in the table is another each time."""
    same = [f'"{column.name}"' for column in table if column.type == "boolean" or column.name in (*WORDS, *SAME_EACH_TIME)]
    return f"md5(row({', '.join(same)})::text), ctid"


async def one_change(connection: asyncpg.Connection, column: Column, order: str, rng: random.Random) -> tuple[str, str]:
    """Make one change, reconcile, roll back: (outcome, what was changed). Outcomes: found, missed, refused, empty."""
    table = f'{column.schema}."{column.table}"'
    transaction = connection.transaction()
    await transaction.start()
    try:
        # foreign keys and triggers would prevent many a change: past them, to try the reconciler harder
        await connection.execute("set local session_replication_role = replica")
        rows = await connection.fetch(f'select ctid::text as place, "{column.name}" as value from {table} order by {order}')
        if column.type == "jsonb":
            rows = [row for row in rows if row["value"] not in (None, "[]", "{}")]  # in what is not there, nothing can be another
        if not rows:
            return "empty", str(column)
        row = rng.choice(rows)
        made = change(column, row["value"], rng)
        what = f"{column} of {row['place']}: {row['value']} → {made}"
        try:
            await connection.execute(f"update {table} set \"{column.name}\" = {made} where ctid = '{row['place']}'::tid")
        except asyncpg.PostgresError as error:
            return "refused", f"{what} ({type(error).__name__})"
        found = await reconcile(dict.fromkeys(SERVICES, connection), Asking(about={column.schema}))
        return ("found" if found.discrepancies else "missed"), what
    finally:
        await transaction.rollback()
