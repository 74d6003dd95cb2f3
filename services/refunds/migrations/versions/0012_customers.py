"""A refund and its files follow their order to another customer."""

from alembic import op

revision = "0012"
down_revision = "0011"

ORDER, FILE = ("store_id", "order_id"), ("store_id", "refund_id")


def _refer(table: str, to: str, before: tuple[str, ...], after: tuple[str, ...], *, cascade: bool) -> None:
    op.drop_constraint(f"fk_{table}_{'_'.join(before)}", table, schema="refunds")
    op.create_foreign_key(
        f"fk_{table}_{'_'.join(after)}", table, to, [*after], [*after],
        source_schema="refunds", referent_schema="refunds", onupdate="CASCADE" if cascade else None,
    )  # fmt: skip


def upgrade() -> None:
    for table, key in (("orders", ORDER), ("refunds", FILE)):
        op.create_unique_constraint(f"uq_{table}_{'_'.join(key)}_customer_id", table, (*key, "customer_id"), schema="refunds")
    _refer("refunds", "orders", ORDER, (*ORDER, "customer_id"), cascade=True)
    _refer("attachments", "refunds", FILE, (*FILE, "customer_id"), cascade=True)


def downgrade() -> None:
    _refer("attachments", "refunds", (*FILE, "customer_id"), FILE, cascade=False)
    _refer("refunds", "orders", (*ORDER, "customer_id"), ORDER, cascade=False)
    for table, key in (("refunds", FILE), ("orders", ORDER)):
        op.drop_constraint(f"uq_{table}_{'_'.join(key)}_customer_id", table, schema="refunds")
