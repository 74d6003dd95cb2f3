"""Copies of orders, notes with their revisions, the timeline, settings, and the kernel's tables."""

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.data.kernel_versions import alike, create_index, create_table, v1

revision = "0001"
down_revision = None

SCHEMA = "notes"
table = partial(create_table, SCHEMA)
index = partial(create_index, SCHEMA)
TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    v1.apply(op.get_bind(), SCHEMA)
    _orders()
    _notes()
    _revisions()
    _timeline()
    _settings()


def downgrade() -> None:
    for table in ("settings", "timeline", "revisions", "notes", "orders"):
        op.drop_table(table, schema=SCHEMA)
    v1.undo(op.get_bind(), SCHEMA)


def _by() -> list[sa.Column[str]]:
    return [
        *alike(sa.Text, "by_role", "by_id"),
        sa.Column("by_via", sa.Text),
    ]


def _orders() -> None:
    table(
        "orders",
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("shop_position", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("customer_position", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("public_sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("private_sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("erased_at", TIME),
        sa.PrimaryKeyConstraint("store_id", "order_id", name="pk_orders"),
        sa.CheckConstraint("version >= 0", name="ck_orders_version"),
        comment="Own copy of each order: whose it is (newer version wins), and its counters. Its lock serialises the order's writes.",
    )
    index("orders", "store_id", "customer_id", "order_id")


def _notes() -> None:
    table(
        "notes",
        *alike(sa.Uuid, "note_id", "order_id"),
        *alike(sa.Text, "audience", "side"),
        *_by(),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("written_at", TIME, nullable=False),
        *alike(TIME, "edited_at", "retracted_at", nullable=True),
        sa.Column("retracted_by_side", sa.Text),
        *alike(TIME, "erased_at", "customer_read_at", "shop_read_at", nullable=True),
        sa.Column("shop_position", sa.BigInteger, nullable=False),
        sa.Column("customer_position", sa.BigInteger),
        sa.PrimaryKeyConstraint("store_id", "note_id", name="pk_notes"),
        sa.CheckConstraint("audience in ('customer', 'private')", name="ck_notes_audience"),
        sa.CheckConstraint("side in ('shop', 'customer')", name="ck_notes_side"),
        sa.CheckConstraint("side = 'shop' or audience = 'customer'", name="ck_notes_private_is_for_staff"),
        sa.CheckConstraint("(audience = 'customer') = (customer_position is not null)", name="ck_notes_customer_position"),
        sa.CheckConstraint("audience = 'customer' or customer_read_at is null", name="ck_notes_private_is_never_read_by_a_customer"),
        sa.CheckConstraint("(retracted_at is null) = (retracted_by_side is null)", name="ck_notes_retracted"),
        sa.CheckConstraint("char_length(text) <= 10000", name="ck_notes_text"),
        sa.CheckConstraint("revision >= 1", name="ck_notes_revision"),
    )
    index("notes", "store_id", "order_id", "note_id")
    by_customer = "audience = 'customer' and side = 'shop' and customer_read_at is null and retracted_at is null"
    by_shop = "side = 'customer' and shop_read_at is null and retracted_at is null"
    for name, unread in (("ix_notes_unread_by_customer", by_customer), ("ix_notes_unread_by_shop", by_shop)):
        op.create_index(name, "notes", ["store_id", "order_id"], schema=SCHEMA, postgresql_where=sa.text(unread))


def _revisions() -> None:
    table(
        "revisions",
        sa.Column("note_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        *_by(),
        sa.Column("written_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "note_id", "revision", name="pk_revisions"),
        sa.ForeignKeyConstraint(
            ["store_id", "note_id"], [f"{SCHEMA}.notes.store_id", f"{SCHEMA}.notes.note_id"], name="fk_revisions_store_id_note_id"
        ),
        comment="Every text that a note ever had; rows are only added (erasure blanks their text).",
    )


def _timeline() -> None:
    table(
        "timeline",
        *alike(sa.Uuid, "order_id", "event_id"),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("source_rank", sa.SmallInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        *alike(TIME, "occurred_at", "recorded_at"),
        sa.Column("audience", sa.Text, nullable=False),
        *_by(),
        *alike(postgresql.JSONB, "details", "internal"),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("shop_position", sa.BigInteger, nullable=False),
        sa.Column("customer_position", sa.BigInteger),
        sa.PrimaryKeyConstraint("store_id", "event_id", name="pk_timeline"),
        sa.CheckConstraint("audience in ('customer', 'private')", name="ck_timeline_audience"),
        sa.CheckConstraint("(audience = 'customer') = (customer_position is not null)", name="ck_timeline_customer_position"),
        comment="One entry per event, in true order whenever it arrived: occurred_at, source_rank, sequence, event_id.",
    )
    place = ["store_id", "order_id", "occurred_at", "source_rank", "sequence", "event_id"]
    op.create_index("ix_timeline_in_order", "timeline", place, schema=SCHEMA)


def _settings() -> None:
    table(
        "settings",
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("customer_answers", sa.Boolean, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        *_by(),
        sa.PrimaryKeyConstraint("store_id", "version", name="pk_settings"),
        comment="Every version of a store's note settings; the highest is in force, none means the defaults.",
    )
