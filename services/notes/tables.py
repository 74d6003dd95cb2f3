"""Tables of the schema `notes`: columns and constraints, no behaviour.

`shop_position` and `customer_position` count an order's changes as each side sees them: a row stores the position of its last
change, live streams resume from it, and the customer's count has no gaps that could reveal private changes.
"""

from functools import partial

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.data.columns import PublicIdColumn
from shared.data.schema import TIME, bound_times, columns, service_metadata, store_table
from shared.data.settings_versions import settings_table

SCHEMA = "notes"
metadata = service_metadata(SCHEMA)
table = partial(store_table, metadata)

orders = table(
    "orders",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("number", sa.Text),
    sa.Column("version", sa.BigInteger, nullable=False),  # of the order event that it was copied from; 0 before the first
    sa.Column("shop_position", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("customer_position", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("public_sequence", sa.BigInteger, nullable=False, server_default="0"),  # of note.* events for the customer
    sa.Column("private_sequence", sa.BigInteger, nullable=False, server_default="0"),  # of private ones
    sa.Column("erased_at", TIME),
    sa.PrimaryKeyConstraint("store_id", "order_id"),
    sa.CheckConstraint("version >= 0", name="version"),
    comment="Own copy of each order: whose it is (newer version wins), and its counters. Its lock serialises the order's writes.",
)
sa.Index(None, orders.c.store_id, orders.c.customer_id, orders.c.order_id)

notes = table(
    "notes",
    sa.Column("note_id", PublicIdColumn("note"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    *columns(sa.Text, "audience", "side", "by_role", "by_id"),
    sa.Column("by_via", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("written_at", TIME, nullable=False),
    *columns(TIME, "edited_at", "retracted_at", nullable=True),
    sa.Column("retracted_by_side", sa.Text),
    *columns(TIME, "erased_at", "customer_read_at", "shop_read_at", nullable=True),
    sa.Column("shop_position", sa.BigInteger, nullable=False),
    sa.Column("customer_position", sa.BigInteger),
    sa.PrimaryKeyConstraint("store_id", "note_id"),
    sa.CheckConstraint("audience in ('customer', 'private')", name="audience"),
    sa.CheckConstraint("side in ('shop', 'customer')", name="side"),
    sa.CheckConstraint("side = 'shop' or audience = 'customer'", name="private_is_for_staff"),
    sa.CheckConstraint("(audience = 'customer') = (customer_position is not null)", name="customer_position"),
    sa.CheckConstraint("audience = 'customer' or customer_read_at is null", name="private_is_never_read_by_a_customer"),
    sa.CheckConstraint("(retracted_at is null) = (retracted_by_side is null)", name="retracted"),
    sa.CheckConstraint("char_length(text) <= 10000", name="text"),
    sa.CheckConstraint("revision >= 1", name="revision"),
)
sa.Index(None, notes.c.store_id, notes.c.order_id, notes.c.note_id)
_by_customer = sa.text("audience = 'customer' and side = 'shop' and customer_read_at is null and retracted_at is null")
sa.Index("ix_notes_unread_by_customer", notes.c.store_id, notes.c.order_id, postgresql_where=_by_customer)
_by_shop = sa.text("side = 'customer' and shop_read_at is null and retracted_at is null")
sa.Index("ix_notes_unread_by_shop", notes.c.store_id, notes.c.order_id, postgresql_where=_by_shop)

revisions = table(
    "revisions",
    sa.Column("note_id", PublicIdColumn("note"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    *columns(sa.Text, "text", "by_role", "by_id"),
    sa.Column("by_via", sa.Text),
    sa.Column("written_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "note_id", "revision"),
    sa.ForeignKeyConstraint(["store_id", "note_id"], [notes.c.store_id, notes.c.note_id]),
    comment="Every text that a note ever had; rows are only added (erasure blanks their text).",
)

# `event_id` is an entry's id: an import has further entries, whose ids follow from its own (commands.py).
timeline = table(
    "timeline",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("event_id", UUID(as_uuid=True), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("source_rank", sa.SmallInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    *columns(TIME, "occurred_at", "recorded_at"),
    *columns(sa.Text, "audience", "by_role", "by_id"),
    sa.Column("by_via", sa.Text),
    *columns(JSONB, "details", "internal"),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("shop_position", sa.BigInteger, nullable=False),
    sa.Column("customer_position", sa.BigInteger),
    sa.PrimaryKeyConstraint("store_id", "event_id"),
    sa.CheckConstraint("audience in ('customer', 'private')", name="audience"),
    sa.CheckConstraint("(audience = 'customer') = (customer_position is not null)", name="customer_position"),
    sa.Index("ix_timeline_in_order", "store_id", "order_id", "occurred_at", "source_rank", "sequence", "event_id"),
    comment="One entry per event, in true order whenever it arrived: occurred_at, source_rank, sequence, event_id.",
)

settings = settings_table(metadata, sa.Column("customer_answers", sa.Boolean, nullable=False))

bound_times(metadata)
