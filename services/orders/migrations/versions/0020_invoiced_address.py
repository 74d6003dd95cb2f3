"""The shipping address as at confirmation, which invoices print."""

from alembic import op

revision = "0020"
down_revision = "0019"

# What an order of before was confirmed with is in the event that confirmed it, unless its customer was erased.
AS_CONFIRMED = """update orders.orders o set invoiced_address = e.data->'personal'->'shipping_address'
    from orders.events e
    where e.store_id = o.store_id and e.type like 'order.%' and e.data->'order'->>'number' = o.number and e.sequence = o.confirmed_version
    and jsonb_typeof(e.data->'personal'->'shipping_address') = 'object'"""


def upgrade() -> None:
    op.execute("alter table orders.orders add invoiced_address jsonb")
    op.execute("alter table orders.orders disable trigger user")  # this correction is no version
    op.execute(AS_CONFIRMED)
    op.execute("alter table orders.orders enable trigger user")


def downgrade() -> None:
    op.execute("alter table orders.orders drop column invoiced_address")
