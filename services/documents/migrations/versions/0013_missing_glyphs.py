"""What no font had when a document's picture was last made."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0010"

LACKS = sa.text("missing_glyphs is not null")


def upgrade() -> None:
    op.add_column("renderings", sa.Column("missing_glyphs", JSONB(none_as_null=True)), schema="documents")
    op.create_check_constraint("provisional", "renderings", "missing_glyphs is null or pdf is null", schema="documents")
    columns = ["store_id", "document_id"]
    op.create_index("ix_renderings_provisional", "renderings", columns, schema="documents", postgresql_where=LACKS)


def downgrade() -> None:
    op.drop_index("ix_renderings_provisional", "renderings", schema="documents")
    op.drop_constraint("provisional", "renderings", schema="documents")
    op.drop_column("renderings", "missing_glyphs", schema="documents")
