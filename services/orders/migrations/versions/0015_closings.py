"""Differences can be closed, and a payment reversed in parts.

A closing is within what was due or overpaid at that moment. The reversals of a payment form a chain: each names what stood of the payment
before it, which the record before it left, so that together they never exceed it, and no two start from the same.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

PAYMENT = """alter table orders.orders add payment text not null generated always as (case when case status
    when 'cancelled' then collected >= total else total - credited_total - collected + refunded_total{written_off} <= 0 end
    then 'paid' else 'unpaid' end) stored"""
ATTENTION = """create index ix_orders_attention on orders.orders (store_id, placed_at, order_id)
    where (status <> 'cancelled' and total - credited_total - collected + refunded_total{kept} < 0) or address_problems <> '[]'::jsonb"""

STATEMENTS = (
    "drop index orders.ix_orders_attention",
    "alter table orders.orders drop column payment",
    """alter table orders.orders add written_off_total bigint not null default 0, add kept_total bigint not null default 0,
    add constraint ck_orders_closed check (written_off_total >= 0 and kept_total >= 0)""",
    PAYMENT.format(written_off=" - written_off_total"),
    ATTENTION.format(kept=" + kept_total"),
    """create table orders.closings (
    store_id text not null,
    closing_id uuid not null,
    order_id uuid not null,
    order_version integer not null,
    kind text not null,
    reason text not null,
    amount bigint not null,
    difference bigint not null,
    constraint pk_closings primary key (store_id, closing_id),
    constraint uq_closings_store_id_order_id_order_version unique (store_id, order_id, order_version),
    constraint fk_closings_store_id_order_id_order_version foreign key (store_id, order_id, order_version)
        references orders.changes (store_id, order_id, version),
    constraint ck_closings_amount check (amount between 1 and difference),
    constraint ck_closings_kind check (kind in ('written_off', 'kept')),
    constraint ck_closings_reason check (reason in ('rounding', 'shortage', 'tip', 'surplus', 'other')))""",
    "create trigger append_only before update or delete on orders.closings for each row execute function orders.append_only()",
    """alter table orders.settings add closing_limit bigint not null default 0,
    add constraint ck_settings_closing_limit check (closing_limit >= 0)""",
    "alter table orders.payments add stood bigint",
    "alter table orders.payments disable trigger user",  # until now, a reversal was of all that there was
    "update orders.payments set stood = -amount where reverses is not null",
    "alter table orders.payments enable trigger user",
    """alter table orders.payments
    add origin uuid not null generated always as (coalesce(reverses, payment_id)) stored,
    add stands bigint not null generated always as (coalesce(stood, 0) + amount) stored,
    drop constraint uq_payments_store_id_reverses""",
    """alter table orders.payments
    add constraint uq_payments_store_id_origin_stands unique (store_id, origin, stands),
    add constraint uq_payments_store_id_origin_stood unique (store_id, origin, stood),
    add constraint ck_payments_stood check ((stood is null) = (reverses is null) and coalesce(stood, 0) + amount >= 0)""",
    """alter table orders.payments add constraint fk_payments_store_id_origin_stood foreign key (store_id, origin, stood)
    references orders.payments (store_id, origin, stands)""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("""alter table orders.payments drop constraint fk_payments_store_id_origin_stood,
        drop constraint uq_payments_store_id_origin_stands, drop constraint uq_payments_store_id_origin_stood,
        drop constraint ck_payments_stood, add constraint uq_payments_store_id_reverses unique (store_id, reverses)""")
    op.execute("alter table orders.payments drop column origin, drop column stands, drop column stood")
    op.execute("alter table orders.settings drop column closing_limit")
    op.execute("drop table orders.closings")
    op.execute("drop index orders.ix_orders_attention")
    op.execute("alter table orders.orders drop column payment")
    op.execute("alter table orders.orders drop column written_off_total, drop column kept_total")
    op.execute(PAYMENT.format(written_off=""))
    op.execute(ATTENTION.format(kept=""))
