"""Counts of refunds per status, updated as they change, and indexes for overdue refunds and for settlement states."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """create table refunds.counts (
    store_id text not null,
    status text not null,
    refunds bigint not null,
    constraint pk_counts primary key (store_id, status)
)""",
    """create table refunds.count_deltas (
    store_id text not null,
    position bigint generated always as identity,
    status text not null,
    delta integer not null,
    constraint pk_count_deltas primary key (store_id, position)
)""",
    "create index ix_refunds_overdue on refunds.refunds (store_id, overdue_at) where status = 'processing'",
    """create index ix_refunds_store_id_settlement_requested_at_refund_id
    on refunds.refunds (store_id, settlement, requested_at, refund_id)""",
    """create function refunds.counted() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if new.status = old.status then
      return null;
    end if;
    insert into refunds.count_deltas (store_id, status, delta) values (old.store_id, old.status, -1);
  end if;
  insert into refunds.count_deltas (store_id, status, delta) values (new.store_id, new.status, 1);
  return null;
end $$""",
    "lock table refunds.refunds in share row exclusive mode",
    "create trigger counted after insert or update on refunds.refunds for each row execute function refunds.counted()",
    "insert into refunds.counts select store_id, status, count(*) from refunds.refunds group by store_id, status",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop trigger counted on refunds.refunds")
    op.execute("drop function refunds.counted()")
    for index in ("ix_refunds_overdue", "ix_refunds_store_id_settlement_requested_at_refund_id"):
        op.execute(f"drop index refunds.{index}")
    for table in ("count_deltas", "counts"):
        op.drop_table(table, schema="refunds")
