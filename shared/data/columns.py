"""Column types of our own, rows as values, and whose rows they are."""

from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Dialect, FromClause, false, types
from sqlalchemy.dialects import postgresql

from shared.contracts.actor import Actor
from shared.contracts.ids import is_id, public_id, uuid_of


class PublicIdColumn(types.TypeDecorator[str]):
    """A uuid column that reads and writes public ids with a fixed prefix."""

    impl = postgresql.UUID(as_uuid=True)
    cache_ok = True

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def process_bind_param(self, value: str | None, dialect: Dialect) -> UUID | None:
        """Public id to UUID."""
        return None if value is None else uuid_of(self.prefix, value)

    def process_result_value(self, value: UUID | None, dialect: Dialect) -> str | None:
        """UUID to public id."""
        return None if value is None else public_id(self.prefix, value)


def columns_of(table: FromClause, kind: type[Any]) -> list[ColumnElement[Any]]:
    """The columns of `table` that the dataclass `kind` has a field for, so that `kind(**row._mapping)` makes one from a row."""
    return [table.c[field.name] for field in fields(kind) if field.name in table.c]


def own_rows(actor: Actor, table: FromClause) -> ColumnElement[bool]:
    """The rows of a table of orders, or of what belongs to one, that `actor` may see: the shop all of its store's, a customer their own, a
    guest those of the one order of their link.
    """
    mine = table.c.store_id == actor.store
    if actor.is_shop:
        return mine
    if actor.role == "customer":
        return mine & (table.c.customer_id == actor.id)
    return mine & (table.c.order_id == actor.id) if is_id("order", actor.id) else false()
