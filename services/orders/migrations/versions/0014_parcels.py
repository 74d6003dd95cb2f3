"""Parcels can be given: at most 50, and an order's tracking is that of the first."""

from alembic import op

revision = "0014"
down_revision = "0013"

CHECKS = {
    "parcels": "jsonb_array_length(parcels) <= 50",
    "tracking": "parcels = '[]'::jsonb or coalesce(tracking ->> 'number', '') = parcels -> 0 ->> 'number'",
}


def upgrade() -> None:
    for name, check in CHECKS.items():
        op.execute(f"alter table orders.orders add constraint ck_orders_{name} check ({check})")


def downgrade() -> None:
    for name in CHECKS:
        op.execute(f"alter table orders.orders drop constraint ck_orders_{name}")
