"""Whether a document's PDF holds an e-invoice, and what it lacks if not; null where none was wanted, as of all documents until now."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"

MISSING = sa.text("e_invoice ->> 'status' = 'missing'")
OF_A_SUPPLY = "e_invoice is null or kind in ('invoice', 'credit_note')"


def upgrade() -> None:
    op.add_column("documents", sa.Column("e_invoice", JSONB(none_as_null=True)), schema="documents")
    op.execute(f"alter table documents.documents add constraint ck_documents_e_invoice check ({OF_A_SUPPLY})")
    columns = ["store_id", "issued_on", "document_id"]
    op.create_index("ix_documents_no_e_invoice", "documents", columns, schema="documents", postgresql_where=MISSING)


def downgrade() -> None:
    op.drop_index("ix_documents_no_e_invoice", "documents", schema="documents")
    op.execute("alter table documents.documents drop constraint ck_documents_e_invoice")
    op.drop_column("documents", "e_invoice", schema="documents")
