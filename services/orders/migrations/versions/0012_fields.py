"""What every platform's order has: how it reaches its customer, what its invoice says, and what the shop notes on it."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"

FIRST, LAST = "timestamptz '1970-01-01 00:00:00+00'", "timestamptz '2199-12-31 23:59:59+00'"
TIMES = ("delivery_failed_at", "placed_at", "confirmed_at", "delivered_at", "recorded_at")
DAYS = ("supplied_on", "payment_due_on")
TEXTS = ("shipping_method", "payment_method", "place_of_supply", "shipping_tax_rate", "shipping_tax_code")
PERSONAL_TEXTS = ("company", "buyer_reference", "customer_note")
LISTS = ("coupon_codes", "parcels", "tags", "tax_numbers", "personal_lines", "line_extras")
OF_LINES = ("tax_rate", "tax_code", "commodity_code")


def _bound(columns: tuple[str, ...]) -> None:
    op.drop_constraint("ck_orders_times", "orders", schema="orders")
    within = " and ".join(f"{column} between {FIRST} and {LAST}" for column in columns)
    op.execute(f"alter table orders.orders add constraint ck_orders_times check ({within})")


def upgrade() -> None:
    new: list[sa.Column[Any]] = [
        sa.Column("fulfilment", sa.Text, nullable=False, server_default="shipping"),
        *(sa.Column(name, sa.Text) for name in TEXTS),
        *(sa.Column(name, sa.Date) for name in DAYS),
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in PERSONAL_TEXTS),
        *(sa.Column(name, JSONB, nullable=False, server_default="[]") for name in LISTS),
    ]
    for column in new:
        op.add_column("orders", column, schema="orders")
    op.execute("alter table orders.orders add constraint ck_orders_fulfilment check (fulfilment in ('shipping', 'pickup', 'digital'))")
    _bound((*TIMES, *DAYS))
    for column in (*(sa.Column(name, sa.Text) for name in OF_LINES), sa.Column("options", JSONB)):
        op.add_column("lines", column, schema="orders")


def downgrade() -> None:
    for name in (*OF_LINES, "options"):
        op.drop_column("lines", name, schema="orders")
    _bound(TIMES)
    for name in ("fulfilment", *TEXTS, *DAYS, *PERSONAL_TEXTS, *LISTS):
        op.drop_column("orders", name, schema="orders")
