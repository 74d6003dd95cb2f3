"""Who issues a store's documents, and since when; where series start; credit notes that wait for a number; corrections."""

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

from shared.data.kernel_versions import alike, create_index, create_table

revision = "0012"
down_revision = "0011"

SCHEMA = "documents"
table, index = partial(create_table, SCHEMA), partial(create_index, SCHEMA)
TIME = TIMESTAMP(timezone=True)
BEFORE = "'order', 'shipping_kept', 'payment', 'cancellation', 'refund'"
CAUSES = f"{BEFORE}, 'correction', 'replacement'"
WITHIN = "between timestamptz '1970-01-01 00:00:00+00' and timestamptz '2199-12-31 23:59:59+00'"


def upgrade() -> None:
    for column in ("issue", "starts"):
        op.add_column("settings", sa.Column(column, JSONB, nullable=False, server_default="{}"), schema=SCHEMA)
    op.add_column("series", sa.Column("first", sa.BigInteger, nullable=False, server_default="1"), schema=SCHEMA)
    op.execute("""alter table documents.series drop constraint ck_series_last,
        add constraint ck_series_last check (last >= first and first >= 1)""")
    op.execute(f"""alter table documents.documents drop constraint ck_documents_cause,
        add constraint ck_documents_cause check (cause in ({CAUSES}))""")
    _create_modes()
    _create_waiting()
    _create_corrections()


def downgrade() -> None:
    for name in ("corrections", "waiting", "modes"):
        op.drop_table(name, schema=SCHEMA)
    op.execute(f"""alter table documents.documents drop constraint ck_documents_cause,
        add constraint ck_documents_cause check (cause in ({BEFORE}))""")
    op.execute("alter table documents.series drop constraint ck_series_last, add constraint ck_series_last check (last >= 1)")
    op.drop_column("series", "first", schema=SCHEMA)
    for column in ("issue", "starts"):
        op.drop_column("settings", column, schema=SCHEMA)


def _create_modes() -> None:
    table(
        "modes",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "kind", "since"),
        sa.CheckConstraint("kind in ('invoice', 'receipt', 'credit_note', 'refund_receipt')", name="kind"),
        sa.CheckConstraint("mode in ('on', 'off', 'elsewhere')", name="mode"),
        sa.CheckConstraint(f"since {WITHIN}", name="times"),
        comment="Who issues a kind from a moment on; before the first, we do. Only what has not begun yet is ever taken back.",
    )


def _create_waiting() -> None:
    table(
        "waiting",
        *alike(sa.Text, "cause", "subject_id"),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
        *alike(sa.Text, "order_number", "currency"),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "cause", "subject_id"),
        sa.CheckConstraint("cause in ('refund', 'cancellation')", name="cause"),
        sa.CheckConstraint(f"since {WITHIN}", name="times"),
        comment="Credit notes that are issued once the order names its invoice of another system.",
    )
    index("waiting", "store_id", "since", "subject_id")
    index("waiting", "store_id", "order_id")


def _create_corrections() -> None:
    table(
        "corrections",
        *alike(UUID(as_uuid=True), "document_id", "order_id"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("corrected_at", TIME, nullable=False),
        sa.Column("corrected_by", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "document_id"),
        sa.ForeignKeyConstraint(["store_id", "document_id"], ["documents.documents.store_id", "documents.documents.document_id"]),
        sa.CheckConstraint(f"corrected_at {WITHIN}", name="times"),
    )
    index("corrections", "store_id", "order_id")
