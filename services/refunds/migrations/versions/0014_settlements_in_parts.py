"""Money goes back in parts: a chain of successes per refund in place of the one success, and where the money goes. Sums of refunds.

A report of before was over all that was left: a success over the refund's amount, and so was a failure before it.
Triggers write the deltas of sums, so that no refund waits for another's. What is there already is summed here once.
"""

# ruff: noqa: S608  (the SQL is put together from constants of this file)

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.data.kernel_versions import alike, create_table

revision = "0014"
down_revision = "0013"

KINDS = "'settled_twice', 'failed_after_settled', 'approved_above_collected'"

STATEMENTS = (
    "alter table refunds.refunds add settled_amount bigint not null default 0, add pay_to jsonb",
    "update refunds.refunds set settled_amount = amount where settlement = 'settled'",
    """alter table refunds.refunds add constraint ck_refunds_settled_amount check (case settlement when 'none' then settled_amount = 0
    when 'settled' then settled_amount = amount else settled_amount between 0 and amount - 1 end)""",
    "drop index refunds.uq_settlements_one_success",
    """alter table refunds.settlements add amount bigint, add payment_id uuid, add turn integer, add before bigint, add whole bigint,
    add after bigint generated always as (before + amount) stored,
    add turn_before integer generated always as (nullif(turn - 1, 0)) stored""",
    """update refunds.settlements s set amount = case when s.counts then r.amount else 0 end,
        turn = case when s.counts and s.outcome = 'succeeded' then 1 end,
        before = case when s.counts and s.outcome = 'succeeded' then 0 end,
        whole = case when s.counts and s.outcome = 'succeeded' then r.amount end
    from refunds.refunds r where r.store_id = s.store_id and r.refund_id = s.refund_id""",
    """alter table refunds.settlements alter amount set not null,
    add constraint uq_settlements_store_id_refund_id_turn unique (store_id, refund_id, turn),
    add constraint uq_settlements_store_id_refund_id_turn_after unique (store_id, refund_id, turn, after)""",
    """alter table refunds.settlements
    add constraint fk_settlements_chain foreign key (store_id, refund_id, turn_before, before)
        references refunds.settlements (store_id, refund_id, turn, after),
    add constraint ck_settlements_successes_have_turns check ((turn is not null) = (counts and outcome = 'succeeded')),
    add constraint ck_settlements_begins_at_nothing
        check (num_nulls(turn, before, whole) in (0, 3) and (turn is null or turn >= 1 and (turn > 1 or before = 0))),
    add constraint ck_settlements_never_too_much check (amount >= 0 and (turn is null or amount > 0 and before + amount <= whole))""",
    """create index ix_settlements_sent on refunds.settlements (store_id, reported_at, refund_id, number) where turn is not null""",
    "alter table refunds.attention drop constraint ck_attention_kind",
    f"""alter table refunds.attention add constraint ck_attention_kind
    check (kind in ({KINDS}, 'paid_back_above_payment', 'pay_to_missing'))""",
)

SCHEMA = "refunds"
table = partial(create_table, SCHEMA)
TIME = postgresql.TIMESTAMP(timezone=True)
WITHIN = "quarter between timestamptz '1970-01-01 00:00:00+00' and timestamptz '2199-12-31 23:59:59+00'"
QUARTER = "date_bin('15 minutes', {}, timestamptz '1970-01-01 00:00:00+00')"
FIGURES = "refunds.figure_deltas (store_id, currency, quarter, requested, credited, paid_back, sent)"

REFUNDED = f"""
create function refunds.refund_figured() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' and new.cause = 'request' then
    insert into {FIGURES} values (new.store_id, new.currency, {QUARTER.format("new.requested_at")}, 1, 0, 0, 0);
  end if;
  if new.status <> 'approved' or new.cause = 'history' then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    if old.status = 'approved' then
      return null;
    end if;
  end if;
  insert into {FIGURES} values (new.store_id, new.currency, {QUARTER.format("new.decided_at")}, 0, new.credit, new.amount, 0);
  if new.amount > 0 then
    insert into refunds.to_send_deltas (store_id, currency, due) values (new.store_id, new.currency, new.amount);
  end if;
  return null;
end $$
"""
SENT = f"""
create function refunds.settlement_figured() returns trigger language plpgsql as $$
begin
  insert into {FIGURES} select store_id, currency, {QUARTER.format("new.reported_at")}, 0, 0, 0, new.amount
    from refunds.refunds where store_id = new.store_id and refund_id = new.refund_id;
  insert into refunds.to_send_deltas (store_id, currency, due) select store_id, currency, -new.amount
    from refunds.refunds where store_id = new.store_id and refund_id = new.refund_id;
  return null;
end $$
"""
TRIGGERS = (
    "create trigger figured after insert or update on refunds.refunds for each row execute function refunds.refund_figured()",
    """create trigger figured after insert on refunds.settlements for each row when (new.turn is not null)
    execute function refunds.settlement_figured()""",
)
BEFORE = (
    f"""insert into refunds.figures (store_id, currency, quarter, requested, credited, paid_back, sent)
    select store_id, currency, quarter, sum(requested), sum(credited), sum(paid_back), sum(sent) from (
        select store_id, currency, {QUARTER.format("requested_at")} as quarter, 1 as requested, 0 as credited, 0 as paid_back, 0 as sent
        from refunds.refunds where cause = 'request'
        union all
        select store_id, currency, {QUARTER.format("decided_at")}, 0, credit, amount, 0 from refunds.refunds
        where status = 'approved' and cause <> 'history'
        union all
        select s.store_id, r.currency, {QUARTER.format("s.reported_at")}, 0, 0, 0, s.amount
        from refunds.settlements s join refunds.refunds r using (store_id, refund_id) where s.turn is not null
    ) x group by 1, 2, 3""",
    """insert into refunds.to_send (store_id, currency, due) select store_id, currency, sum(amount - settled_amount) from refunds.refunds
    where status = 'approved' and cause <> 'history' and amount > settled_amount group by 1, 2""",
)


def upgrade() -> None:
    op.execute("lock table refunds.refunds, refunds.settlements in share row exclusive mode")
    for statement in STATEMENTS:
        op.execute(statement)
    _sums("figures", [*alike(TIME, "quarter"), *alike(sa.Text, "currency")], ["requested", "credited", "paid_back", "sent"])
    _sums("to_send", alike(sa.Text, "currency"), ["due"])
    for name in ("figures", "figure_deltas"):
        op.execute(f"alter table refunds.{name} add constraint ck_{name}_times check ({WITHIN})")
    for statement in (*BEFORE, REFUNDED, SENT, *TRIGGERS):
        op.execute(statement)


def _sums(name: str, axes: list[sa.Column[object]], amounts: list[str]) -> None:
    deltas = f"{name.removesuffix('s')}_deltas"
    key = sa.PrimaryKeyConstraint("store_id", *(axis.name for axis in axes), name=f"pk_{name}")
    table(name, *axes, *alike(sa.Numeric, *amounts), key)
    table(
        deltas,
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        *(sa.Column(axis.name, axis.type, nullable=False) for axis in axes),
        *alike(sa.BigInteger, *amounts),
        sa.PrimaryKeyConstraint("store_id", "position", name=f"pk_{deltas}"),
    )


def downgrade() -> None:
    """Money that went back in parts cannot be said before: such a refund makes this fail, and nothing changes."""
    for name, of in (("refund", "refunds"), ("settlement", "settlements")):
        op.execute(f"drop trigger figured on refunds.{of}")
        op.execute(f"drop function refunds.{name}_figured()")
    for name in ("to_send_deltas", "to_send", "figure_deltas", "figures"):
        op.drop_table(name, schema=SCHEMA)
    op.execute("alter table refunds.attention drop constraint ck_attention_kind")
    op.execute("delete from refunds.attention where kind in ('paid_back_above_payment', 'pay_to_missing')")
    op.execute(f"alter table refunds.attention add constraint ck_attention_kind check (kind in ({KINDS}))")
    op.execute("drop index refunds.ix_settlements_sent")
    op.execute("""create unique index uq_settlements_one_success on refunds.settlements (store_id, refund_id)
        where counts and outcome = 'succeeded'""")
    op.execute("""alter table refunds.settlements drop constraint fk_settlements_chain,
        drop constraint uq_settlements_store_id_refund_id_turn,
        drop constraint uq_settlements_store_id_refund_id_turn_after, drop constraint ck_settlements_successes_have_turns,
        drop constraint ck_settlements_begins_at_nothing, drop constraint ck_settlements_never_too_much""")
    op.execute("""alter table refunds.settlements drop column after, drop column turn_before""")
    op.execute("""alter table refunds.settlements drop column amount, drop column payment_id, drop column turn, drop column before,
        drop column whole""")
    op.execute("alter table refunds.refunds drop constraint ck_refunds_settled_amount")
    op.execute("alter table refunds.refunds drop column settled_amount, drop column pay_to")
