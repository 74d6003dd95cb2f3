"""The kernel's tables as each release made them: migrations run these, shared/data/schema.py says only what they add up to.

A migration that asked shared/data/schema.py would make *today's* tables at a revision of last year, and the next migration would fail
on what is there already. So a version is plain SQL, knows nothing of shared/data/schema.py, and never changes once it is merged.

To change the kernel's tables:

1. Change shared/data/schema.py, which is the present.
2. Add `vN.py` here with `apply(bind, schema)` and `undo(bind, schema)`: what brings a schema *with rows in it* from version N-1 to N
   and back. Name constraints and indexes in full, as shared.data.schema.NAMING would. Put it at the end of VERSIONS.
3. Add one migration to each service: `upgrade, downgrade = migration(vN, "<schema>")`.

tests/services/kernel/test_schema_history.py shows that every service applies every version, in order, and that an upgrade of each
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
    """A table of a service's own whose rows belong to stores: `store_id` leads it."""
    op.create_table(name, sa.Column("store_id", sa.Text, nullable=False), *parts, schema=schema, comment=comment)


def alike(kind: Any, *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    """Columns that differ in nothing but their names."""
    return [sa.Column(name, kind, nullable=nullable) for name in names]
