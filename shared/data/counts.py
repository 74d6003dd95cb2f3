"""How many rows of a kind there are, and sums of what they say: folded sums plus the deltas since the last fold.

So the sum of a million rows is as cheap as that of ten. Deltas are appended with each change, so that changes never queue on one row; a
sweeper folds them into the sums.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from shared.data.db import Database
from shared.data.schema import columns, store_table
from shared.data.settings import DataSettings

FOLD_BATCH = 20_000


def count_tables(metadata: sa.MetaData, *axes: str, number: str) -> tuple[sa.Table, sa.Table]:
    """The tables `counts` (sums, in the column that `number` names) and `count_deltas`, by `axes`."""
    number_of, key = sa.Column(number, sa.BigInteger, nullable=False), sa.PrimaryKeyConstraint("store_id", *axes)
    sums = store_table(metadata, "counts", *columns(sa.Text, *axes), number_of, key)
    deltas = store_table(
        metadata,
        "count_deltas",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        *columns(sa.Text, *axes),
        sa.Column("delta", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "position"),
    )
    return sums, deltas


def sum_tables(metadata: sa.MetaData, name: str, axes: Mapping[str, Any], *amounts: str) -> tuple[sa.Table, sa.Table]:
    """The tables `name` (sums of `amounts`, by `axes` with their types) and, for `sums`, `sum_deltas`.

    Sums are numeric: whatever a store's orders say, folding them never fails for all stores.
    """
    by = partial(_axes, axes)
    sums = store_table(metadata, name, *by(), *columns(sa.Numeric, *amounts), sa.PrimaryKeyConstraint("store_id", *axes))
    position = sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False)
    parts = (*by(), *columns(sa.BigInteger, *amounts), sa.PrimaryKeyConstraint("store_id", "position"))
    return sums, store_table(metadata, f"{name.removesuffix('s')}_deltas", position, *parts)


def _axes(axes: Mapping[str, Any]) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name, kind in axes.items()]


def summed(sums: sa.Table, deltas: sa.Table, where: Callable[[sa.Table], sa.ColumnElement[bool]]) -> sa.Subquery:
    """The rows of both tables that `where` wants, under the names of the sums; the sum of an amount is that of its column."""
    axes, amounts = _names(sums, deltas)
    parts = [
        sa.select(*(table.c[axis] for axis in axes), *(sa.cast(table.c[pair[at]], sa.Numeric).label(pair[0]) for pair in amounts)).where(
            where(table)
        )
        for at, table in enumerate((sums, deltas))
    ]
    return sa.union_all(*parts).subquery()


def counted(sums: sa.Table, deltas: sa.Table, store_id: str) -> sa.Select[tuple[str | int, ...]]:
    """A store's counts: each combination of the axes, with its `number`."""
    axes, ((number, _),) = _names(sums, deltas)
    every = summed(sums, deltas, lambda table: table.c.store_id == store_id)
    by = [every.c[axis] for axis in axes]
    return sa.select(*by, sa.cast(sa.func.sum(every.c[number]), sa.BigInteger).label("number")).group_by(*by)


def _names(sums: sa.Table, deltas: sa.Table) -> tuple[list[str], list[tuple[str, str]]]:
    """The axes, and each amount's column in the sums and in the deltas."""
    _, *axes = (column.name for column in sums.primary_key)
    of_sums, of_deltas = (
        [column.name for column in table.c if column.name not in ("store_id", "position", *axes)] for table in (sums, deltas)
    )
    return axes, list(zip(of_sums, of_deltas, strict=True))


class Fold:
    """The sweeper that folds up to 20,000 deltas into the sums; returns how many."""

    def __init__(self, sums: sa.Table, deltas: sa.Table) -> None:
        axes, amounts = _names(sums, deltas)
        by, kept, parts = ", ".join(("store_id", *axes)), ", ".join(one for one, _ in amounts), ", ".join(one for _, one in amounts)
        totals = ", ".join(f"sum({part}) as {amount}" for amount, part in amounts)
        added = ", ".join(f"{amount} = s.{amount} + excluded.{amount}" for amount, _ in amounts)
        self._name = f"{sums.schema}.fold_{sums.name}"
        # Skips rows that another fold has locked, and goes in the order of the sums' key, so that two folds cannot deadlock.
        self._fold = sa.text(f"""
with taken as (
    delete from {deltas.fullname} where (store_id, position) in
        (select store_id, position from {deltas.fullname} order by store_id, position limit :batch for update skip locked)
    returning {by}, {parts}
), summed as (
    select {by}, {totals} from taken group by {by} order by {by}
), folded as (
    insert into {sums.fullname} as s ({by}, {kept}) select * from summed
    on conflict ({by}) do update set {added}
)
select count(*) from taken
""")  # noqa: S608  (our own names)

    async def __call__(self, database: Database, settings: DataSettings, /, *, now: datetime) -> int:
        """See shared.process.service.Sweep."""
        async with database.transaction(self._name) as tx:
            return int(await tx.scalar(self._fold, {"batch": FOLD_BATCH}))
