"""At which rate the shipping of a refund is taxed, which its order says: it is frozen before anything can be refunded."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("alter table refunds.refunds add shipping_tax_rate text, add shipping_tax_code text")
    op.execute("alter table refunds.refunds disable trigger user")  # this addition is no version
    op.execute("""update refunds.refunds r set shipping_tax_rate = o.shipping_tax_rate, shipping_tax_code = o.shipping_tax_code
        from refunds.orders o where o.store_id = r.store_id and o.order_id = r.order_id and r.shipping_tax is not null""")
    op.execute("alter table refunds.refunds enable trigger user")


def downgrade() -> None:
    op.execute("alter table refunds.refunds drop column shipping_tax_rate, drop column shipping_tax_code")
