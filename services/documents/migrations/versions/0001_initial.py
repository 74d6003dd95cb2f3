"""Copies of orders and refunds, settings, series, documents and their pictures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

from shared.data.kernel_versions import v1

revision = "0001"
down_revision = None

SCHEMA = "documents"
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
    op.create_table(
        "orders",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("data", JSONB),
        sa.Column("personal", JSONB),
        sa.Column("erased_at", TIME),
        sa.Column("event_sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("store_id", "order_id"),
        sa.CheckConstraint("(version = 0) = (data is null)", name="copy"),
        schema=SCHEMA,
    )
    op.create_table(
        "refunds",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("refund_id", UUID(as_uuid=True), nullable=False),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
        sa.Column("order_version", sa.BigInteger, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "refund_id"),
        schema=SCHEMA,
    )
    op.create_index("ix_refunds_store_id_order_id", "refunds", ["store_id", "order_id"], schema=SCHEMA)
    op.create_table(
        "stores",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),
        sa.Column("time_zone_version", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("settings_version", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("store_id"),
        schema=SCHEMA,
    )


def _create_settings() -> None:
    op.create_table(
        "settings",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("letterhead", JSONB, nullable=False),
        sa.Column("prefixes", JSONB, nullable=False),
        sa.Column("saved_at", TIME, nullable=False),
        sa.Column("saved_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "version"),
        schema=SCHEMA,
    )
    op.create_table(
        "logos",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("png", sa.LargeBinary, nullable=False),
        sa.Column("saved_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "sha256"),
        schema=SCHEMA,
    )
    op.create_table(
        "series",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "kind", "year"),
        sa.UniqueConstraint("store_id", "prefix", "year"),
        sa.CheckConstraint(f"kind in ({KINDS})", name="kind"),
        sa.CheckConstraint("last >= 1", name="last"),
        schema=SCHEMA,
    )


def _create_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("document_id", UUID(as_uuid=True), nullable=False),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
        sa.Column("order_number", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("counted", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("issued_on", sa.Date, nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("refers_to", UUID(as_uuid=True)),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "document_id"),
        sa.UniqueConstraint("store_id", "cause", "subject_id"),
        sa.UniqueConstraint("store_id", "kind", "year", "counted"),
        sa.UniqueConstraint("store_id", "number"),
        sa.CheckConstraint(f"kind in ({KINDS})", name="kind"),
        sa.CheckConstraint(f"cause in ({CAUSES})", name="cause"),
        sa.CheckConstraint("counted >= 1 and total >= 0", name="figures"),
        schema=SCHEMA,
    )
    op.create_index("ix_documents_store_id_order_id", "documents", ["store_id", "order_id"], schema=SCHEMA)
    op.create_index("ix_documents_store_id_issued_on_document_id", "documents", ["store_id", "issued_on", "document_id"], schema=SCHEMA)
    op.create_table(
        "renderings",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("document_id", UUID(as_uuid=True), nullable=False),
        sa.Column("pdf", sa.LargeBinary),
        sa.Column("pdf_sha256", sa.Text),
        sa.Column("engine", sa.Text),
        sa.Column("rendered_at", TIME),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("failure", sa.Text),
        sa.PrimaryKeyConstraint("store_id", "document_id"),
        sa.ForeignKeyConstraint(["store_id", "document_id"], ["documents.documents.store_id", "documents.documents.document_id"]),
        sa.CheckConstraint("(pdf is null) = (pdf_sha256 is null) and (pdf is null) = (engine is null)", name="whole"),
        schema=SCHEMA,
    )
    op.create_index("ix_renderings_due", "renderings", ["next_attempt_at"], schema=SCHEMA, postgresql_where=sa.text("pdf is null"))
