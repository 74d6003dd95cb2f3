"""A credit note may be about an invoice that another system issued: its number and date."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("documents", sa.Column("refers_to_external", JSONB), schema="documents")
    op.execute("""alter table documents.documents add constraint ck_documents_external
        check (refers_to_external is null or (kind = 'credit_note' and refers_to is null))""")


def downgrade() -> None:
    op.drop_column("documents", "refers_to_external", schema="documents")
