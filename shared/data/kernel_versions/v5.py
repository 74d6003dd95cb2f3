"""Version 5: no event is dated before 1970 or after 2199. Existing times out of bounds move to the nearer bound, to be readable."""

from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
from alembic import op

FIRST, LAST = "timestamptz '1970-01-01 00:00:00+00'", "timestamptz '2199-12-31 23:59:59+00'"


def apply(bind: sa.Connection, schema: str) -> None:
    """Bound the times of events. One that is set aside may keep its time, since marking it as set aside is an update as well."""
    bound(bind, f"{schema}.events", ("occurred_at", "recorded_at"), "ck_events_times", unless="set_aside_at is not null")


def undo(bind: sa.Connection, schema: str) -> None:
    """Remove the bounds; a time that was moved keeps its new value."""
    bind.exec_driver_sql(f"alter table {schema}.events drop constraint ck_events_times")


def bound(bind: sa.Connection, table: str, columns: Sequence[str], name: str, *, unless: str = "") -> None:
    """Move times in these columns into bounds and add a check that keeps them there; also for the services' own tables.

    The check is `not valid` because existing rows are in bounds by then, and validating them would block other calls. Append-only
    tables have triggers that forbid updates; they are disabled, which takes a lock, only if a row must move, which is rare.
    """
    within = " and ".join(f"{column} between {FIRST} and {LAST}" for column in columns)
    moved = ", ".join(f"{one} = case when {one} is not null then least(greatest({one}, {FIRST}), {LAST}) end" for one in columns)
    move = f"update {table} set {moved} where not ({within})"  # noqa: S608  (the names are ours)
    found = f"exists (select from {table} where not ({within}))"
    bind.exec_driver_sql(f"""
        do $$ begin
          if {found} then
            alter table {table} disable trigger user;
            {move};
            alter table {table} enable trigger user;
          end if;
        end $$""")
    checked = f"({within}) or {unless}" if unless else within
    bind.exec_driver_sql(f"alter table {table} add constraint {name} check ({checked}) not valid")


def migration(schema: str, times: Mapping[str, Sequence[str]]) -> tuple[Callable[[], None], Callable[[], None]]:
    """`upgrade` and `downgrade` of a service's migration to this version; `times` are the columns of its own tables, by table."""

    def upgrade() -> None:
        apply(op.get_bind(), schema)
        for table, columns in times.items():
            bound(op.get_bind(), f"{schema}.{table}", columns, f"ck_{table}_times")

    def downgrade() -> None:
        for table in times:
            op.execute(f"alter table {schema}.{table} drop constraint ck_{table}_times")
        undo(op.get_bind(), schema)

    return upgrade, downgrade
