"""Money goes back in parts: a chain of successes per refund in place of the one success, and where the money goes.

A report of before was over all that was left: a success over the refund's amount, and so was a failure before it.
"""

from alembic import op

revision = "0014"
down_revision = "0012"

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
    """create index ix_settlements_sent on refunds.settlements (store_id, reported_at, refund_id) where turn is not null""",
    "alter table refunds.attention drop constraint ck_attention_kind",
    f"""alter table refunds.attention add constraint ck_attention_kind
    check (kind in ({KINDS}, 'paid_back_above_payment', 'pay_to_missing'))""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Money that went back in parts cannot be said before: such a refund makes this fail, and nothing changes."""
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
