"""Rows as values: what a query reads into a frozen dataclass of state.py."""

from dataclasses import fields
from typing import Any

import sqlalchemy as sa


def columns_of(table: sa.FromClause, kind: type[Any]) -> list[sa.ColumnElement[Any]]:
    """The columns of `table` that the dataclass `kind` has a field for, so that `kind(**row._mapping)` is the row."""
    return [table.c[field.name] for field in fields(kind) if field.name in table.c]
