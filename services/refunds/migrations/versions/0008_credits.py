"""What a refund credits apart from what it pays, a chain of credits per part of an order, and the tax of every refund.

A copy from before has no taxes: its refunds stay without them, and documents share them out as they did.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    """alter table refunds.orders add shipping_tax bigint, add written_off bigint not null default 0, add kept bigint not null default 0,
    add lines_version integer not null default 1, add part_cancellations jsonb not null default '[]'""",
    "alter table refunds.order_lines add tax bigint, add tax_rate text, add tax_code text",
    """comment on table refunds.order_lines is
    'What was bought, as of `lines_version`. `slot` gives each line places of its own in the one row of all units ever sold.'""",
    "alter table refunds.refund_lines add tax bigint, add tax_rate text, add tax_code text",
    """alter table refunds.refunds add credit bigint, add shipping_tax bigint, add shipping_kept_tax bigint,
    add part_cancellation_id uuid, add taxes jsonb not null default '[]', add payout_taxes jsonb not null default '[]'""",
    "update refunds.refunds set credit = goods + shipping",
    "alter table refunds.refunds alter credit set not null",
    "alter table refunds.refunds drop constraint ck_refunds_amount",
    """alter table refunds.refunds add constraint ck_refunds_amount
    check (credit = goods + shipping and amount between overpaid and credit + overpaid)""",
    "alter table refunds.refunds drop constraint ck_refunds_cause",
    """alter table refunds.refunds add constraint ck_refunds_cause
    check (cause in ('request', 'cancellation', 'payment', 'part_cancellation'))""",
    """alter table refunds.refunds add constraint ck_refunds_part_cancellation
    check ((cause = 'part_cancellation') = (part_cancellation_id is not null))""",
    """create unique index uq_refunds_part_cancellation on refunds.refunds (store_id, part_cancellation_id)
    where cause = 'part_cancellation'""",
    """create table refunds.credits (
    store_id text not null,
    order_id uuid not null,
    part integer not null,
    number integer not null,
    refund_id uuid not null,
    amount bigint not null,
    before bigint not null,
    whole bigint not null,
    after bigint not null generated always as (before + amount) stored,
    number_before integer generated always as (nullif(number - 1, 0)) stored,
    constraint pk_credits primary key (store_id, order_id, part, number),
    constraint uq_credits_store_id_refund_id_part unique (store_id, refund_id, part),
    constraint uq_credits_store_id_order_id_part_number_after unique (store_id, order_id, part, number, after),
    constraint fk_credits_chain foreign key (store_id, order_id, part, number_before, before)
        references refunds.credits (store_id, order_id, part, number, after),
    constraint fk_credits_refunds foreign key (store_id, refund_id) references refunds.refunds (store_id, refund_id),
    constraint ck_credits_begins_at_nothing check (part >= 0 and number >= 1 and (number > 1 or before = 0)),
    constraint ck_credits_never_too_much check (amount > 0 and before + amount <= whole)
)""",
    """comment on table refunds.credits is
    'What was credited of each part of an order (a line, or 0 for its shipping), a chain per part, each within the part''s total.'""",
    """insert into refunds.credits (store_id, order_id, part, number, refund_id, amount, before, whole)
    select store_id, order_id, part, row_number() over chain, refund_id, amount, sum(amount) over chain - amount, whole
    from (
        select a.store_id, a.order_id, l.line as part, a.number, a.refund_id, l.goods as amount, o.total as whole
        from refunds.approvals a
        join refunds.refund_lines l using (store_id, refund_id)
        join refunds.order_lines o on o.store_id = a.store_id and o.order_id = a.order_id and o.line = l.line
        union all
        select a.store_id, a.order_id, 0, a.number, a.refund_id, r.shipping, o.shipping
        from refunds.approvals a join refunds.refunds r using (store_id, refund_id)
        join refunds.orders o on o.store_id = a.store_id and o.order_id = a.order_id
    ) x where amount > 0 window chain as (partition by store_id, order_id, part order by number)""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """What a refund paid less than it credited cannot be said before: such a refund makes this fail, and nothing changes."""
    op.execute("drop table refunds.credits")
    op.execute("alter table refunds.refunds drop constraint ck_refunds_amount")
    op.execute("alter table refunds.refunds add constraint ck_refunds_amount check (amount = goods + shipping + overpaid)")
    op.execute("alter table refunds.refunds drop constraint ck_refunds_cause")
    op.execute("alter table refunds.refunds add constraint ck_refunds_cause check (cause in ('request', 'cancellation', 'payment'))")
    op.execute("""alter table refunds.refunds drop column credit, drop column part_cancellation_id,
        drop column shipping_tax, drop column shipping_kept_tax,
        drop column taxes, drop column payout_taxes""")
    op.execute("alter table refunds.refund_lines drop column tax, drop column tax_rate, drop column tax_code")
    op.execute("alter table refunds.order_lines drop column tax, drop column tax_rate, drop column tax_code")
    op.execute("""alter table refunds.orders drop column shipping_tax, drop column written_off, drop column kept,
        drop column lines_version, drop column part_cancellations""")
