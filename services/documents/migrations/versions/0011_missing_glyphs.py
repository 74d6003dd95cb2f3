"""Requested refunds, for their print; when a document's picture is made, and what no font had when it was made last.

What was waiting is rendered when it is read: that is the default from now on.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"

DUE, BEFORE = sa.text("pdf is null and ahead"), sa.text("pdf is null")
LACKS = sa.text("missing_glyphs is not null")
WITHIN = "requested_at between timestamptz '1970-01-01 00:00:00+00' and timestamptz '2199-12-31 23:59:59+00'"


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("refund_id", sa.Uuid, nullable=False),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("personal", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "refund_id"),
        schema="documents",
    )
    op.execute(f"alter table documents.requests add constraint ck_requests_times check ({WITHIN})")
    op.create_index("ix_requests_store_id_order_id_requested_at", "requests", ["store_id", "order_id", "requested_at"], schema="documents")
    op.add_column("renderings", sa.Column("missing_glyphs", JSONB(none_as_null=True)), schema="documents")
    op.execute("alter table documents.renderings add constraint ck_renderings_provisional check (missing_glyphs is null or pdf is null)")
    columns = ["store_id", "document_id"]
    op.create_index("ix_renderings_provisional", "renderings", columns, schema="documents", postgresql_where=LACKS)
    op.add_column("renderings", sa.Column("ahead", sa.Boolean, nullable=False, server_default=sa.false()), schema="documents")
    op.drop_index("ix_renderings_due", "renderings", schema="documents")
    op.create_index("ix_renderings_due", "renderings", ["next_attempt_at"], schema="documents", postgresql_where=DUE)


def downgrade() -> None:
    op.drop_table("requests", schema="documents")
    op.drop_index("ix_renderings_due", "renderings", schema="documents")
    op.create_index("ix_renderings_due", "renderings", ["next_attempt_at"], schema="documents", postgresql_where=BEFORE)
    op.drop_column("renderings", "ahead", schema="documents")
    op.drop_index("ix_renderings_provisional", "renderings", schema="documents")
    op.execute("alter table documents.renderings drop constraint ck_renderings_provisional")
    op.drop_column("renderings", "missing_glyphs", schema="documents")
