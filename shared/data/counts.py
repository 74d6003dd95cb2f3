"""How many rows of a kind there are: folded sums plus the deltas since the last fold, so that counting a million is as cheap as ten.

Deltas are appended with each change, so that changes never queue on one row; a sweeper folds them into the sums.
"""

from datetime import datetime

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


def counted(sums: sa.Table, deltas: sa.Table, store_id: str) -> sa.Select[tuple[str | int, ...]]:
    """A store's counts: each combination of the axes, with its `number`."""
    *axes, number = [column.name for column in sums.c if column.name != "store_id"]
    parts = [
        sa.select(*(table.c[axis] for axis in axes), sa.cast(amount, sa.BigInteger).label("number")).where(table.c.store_id == store_id)
        for table, amount in ((sums, sums.c[number]), (deltas, deltas.c.delta))
    ]
    every = sa.union_all(*parts).subquery()
    by = [every.c[axis] for axis in axes]
    return sa.select(*by, sa.func.sum(every.c.number).label("number")).group_by(*by)


class Fold:
    """The sweeper that folds up to 20,000 deltas into the sums; returns how many."""

    def __init__(self, sums: sa.Table) -> None:
        *axes, number = [column.name for column in sums.c if column.name != "store_id"]
        by, schema = ", ".join(("store_id", *axes)), sums.schema
        self._name = f"{schema}.fold_counts"
        # Skips rows that another fold has locked, and goes in the order of the sums' key, so that two folds cannot deadlock.
        self._fold = sa.text(f"""
with taken as (
    delete from {schema}.count_deltas where (store_id, position) in
        (select store_id, position from {schema}.count_deltas order by store_id, position limit :batch for update skip locked)
    returning {by}, delta
), summed as (
    select {by}, sum(delta) as {number} from taken group by {by} order by {by}
), folded as (
    insert into {schema}.counts as c ({by}, {number}) select * from summed
    on conflict ({by}) do update set {number} = c.{number} + excluded.{number}
)
select count(*) from taken
""")  # noqa: S608  (our own names)

    async def __call__(self, database: Database, settings: DataSettings, /, *, now: datetime) -> int:
        """See shared.process.service.Sweep."""
        async with database.transaction(self._name) as tx:
            return int(await tx.scalar(self._fold, {"batch": FOLD_BATCH}))
