"""The store's stream is the feed of the webhook service: its numbers here, and what waited for one, are no longer needed."""

from alembic import context, op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("drop trigger events_await_the_stream on orders.events")
    op.execute("drop function orders.events_await_the_stream()")
    for table in ("stream_pending", "stream_heads", "stream"):
        op.drop_table(table, schema="orders")


def downgrade() -> None:
    """Number the stored events again, as the migration that made the stream did."""
    context.script.get_revision("0006").module.upgrade()
