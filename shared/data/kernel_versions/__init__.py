"""The kernel's tables as each release made them. Migrations run these versions; shared/data/schema.py describes their sum.

If a migration read shared/data/schema.py, it would create *today's* tables at last year's revision, and the next migration would fail
because they exist already. So a version is plain SQL, imports nothing from shared/data/schema.py, and never changes once merged.

To change the kernel's tables:

1. Change shared/data/schema.py, which describes the current tables.
2. Add `vN.py` here with `apply(bind, schema)` and `undo(bind, schema)`, which take a schema *with rows in it* from version N-1 to N
   and back. Spell out the names of constraints and indexes, as shared.data.schema.NAMING would. Append it to VERSIONS.
3. Add one migration to each service: `upgrade, downgrade = migration(vN, "<schema>")`.

tests/services/kernel/test_schema_history.py shows that every service applies every version, in order, and that upgrading each
released revision with rows in it gives the schema of a fresh install; the services' `migrate.check` tests compare with the models.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

from shared.data.kernel_versions import v1, v2, v3, v4, v5

VERSIONS = (v1, v2, v3, v4, v5)


def migration(version: ModuleType, schema: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """`upgrade` and `downgrade` of a service's migration that takes the kernel's tables to `version`."""
    return lambda: version.apply(op.get_bind(), schema), lambda: version.undo(op.get_bind(), schema)


def create_table(schema: str, name: str, *parts: SchemaItem, comment: str | None = None) -> None:
    """A service's own table whose rows belong to stores: `store_id` is its first column."""
    op.create_table(name, sa.Column("store_id", sa.Text, nullable=False), *parts, schema=schema, comment=comment)


def create_index(schema: str, table: str, *columns: str) -> None:
    """An index by these columns, under the name that shared.data.schema.NAMING would give it."""
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), schema=schema)


def alike(kind: Any, *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    """Columns that differ only in their names."""
    return [sa.Column(name, kind, nullable=nullable) for name in names]
