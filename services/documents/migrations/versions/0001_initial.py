"""Copies of orders and refunds, settings, series, documents and their renderings."""

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

from shared.data.kernel_versions import alike, create_index, create_table, v1

revision = "0001"
down_revision = None

SCHEMA = "documents"
table = partial(create_table, SCHEMA)
index = partial(create_index, SCHEMA)
KINDS = "'invoice', 'receipt', 'cancelling_receipt', 'credit_note', 'refund_receipt'"
CAUSES = "'order', 'shipping_kept', 'payment', 'cancellation', 'refund'"
TIME = TIMESTAMP(timezone=True)

IMMUTABLE = """
create function documents.refuse_change() returns trigger language plpgsql as
$$ begin raise exception 'an issued document is never changed or deleted' using errcode = 'restrict_violation'; end $$
"""


def upgrade() -> None:
    v1.apply(op.get_bind(), SCHEMA)
    _create_copies()
    _create_settings()
    _create_documents()
    op.execute("alter table documents.renderings alter column pdf set storage external")  # a PDF is compressed already
    op.execute(IMMUTABLE)
    op.execute(
        "create trigger immutable before update or delete on documents.documents for each row execute function documents.refuse_change()"
    )


def downgrade() -> None:
    for table in ("renderings", "documents", "series", "logos", "settings", "stores", "refunds", "orders"):
        op.drop_table(table, schema=SCHEMA)
    op.execute("drop function documents.refuse_change()")
    v1.undo(op.get_bind(), SCHEMA)


def _create_copies() -> None:
    table(
        "orders",
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        *alike(JSONB, "data", "personal", nullable=True),
        sa.Column("erased_at", TIME),
        sa.Column("event_sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("store_id", "order_id"),
        sa.CheckConstraint("(version = 0) = (data is null)", name="copy"),
    )
    table(
        "refunds",
        *alike(UUID(as_uuid=True), "refund_id", "order_id"),
        sa.Column("order_version", sa.BigInteger, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "refund_id"),
    )
    index("refunds", "store_id", "order_id")
    table(
        "stores",
        sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),
        sa.Column("time_zone_version", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("settings_version", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("store_id"),
    )


def _create_settings() -> None:
    table(
        "settings",
        sa.Column("version", sa.BigInteger, nullable=False),
        *alike(JSONB, "letterhead", "prefixes"),
        sa.Column("saved_at", TIME, nullable=False),
        sa.Column("saved_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "version"),
    )
    table(
        "logos",
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("png", sa.LargeBinary, nullable=False),
        sa.Column("saved_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "sha256"),
    )
    table(
        "series",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "kind", "year"),
        sa.UniqueConstraint("store_id", "prefix", "year"),
        sa.CheckConstraint(f"kind in ({KINDS})", name="kind"),
        sa.CheckConstraint("last >= 1", name="last"),
    )


def _create_documents() -> None:
    table(
        "documents",
        *alike(UUID(as_uuid=True), "document_id", "order_id"),
        *alike(sa.Text, "order_number", "customer_id", "kind", "cause", "subject_id"),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("counted", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("issued_on", sa.Date, nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("refers_to", UUID(as_uuid=True)),
        *alike(sa.Text, "data", "sha256"),
        sa.PrimaryKeyConstraint("store_id", "document_id"),
        sa.UniqueConstraint("store_id", "cause", "subject_id"),
        sa.UniqueConstraint("store_id", "kind", "year", "counted"),
        sa.UniqueConstraint("store_id", "number"),
        sa.CheckConstraint(f"kind in ({KINDS})", name="kind"),
        sa.CheckConstraint(f"cause in ({CAUSES})", name="cause"),
        sa.CheckConstraint("counted >= 1 and total >= 0", name="figures"),
    )
    index("documents", "store_id", "order_id")
    index("documents", "store_id", "issued_on", "document_id")
    table(
        "renderings",
        sa.Column("document_id", UUID(as_uuid=True), nullable=False),
        sa.Column("pdf", sa.LargeBinary),
        *alike(sa.Text, "pdf_sha256", "engine", nullable=True),
        sa.Column("rendered_at", TIME),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("failure", sa.Text),
        sa.PrimaryKeyConstraint("store_id", "document_id"),
        sa.ForeignKeyConstraint(["store_id", "document_id"], ["documents.documents.store_id", "documents.documents.document_id"]),
        sa.CheckConstraint("(pdf is null) = (pdf_sha256 is null) and (pdf is null) = (engine is null)", name="whole"),
    )
    op.create_index("ix_renderings_due", "renderings", ["next_attempt_at"], schema=SCHEMA, postgresql_where=sa.text("pdf is null"))
