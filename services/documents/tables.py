"""Tables of the schema `documents`: columns and constraints, no behaviour.

Every invariant is a constraint here as well as a rule in the code: one document per cause, one document per number,
no change and no deletion of issued documents (a trigger in the first migration).
"""

from functools import partial

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.data.columns import PublicIdColumn
from shared.data.schema import TIME, bound_times, columns, service_metadata, store_table
from shared.data.settings_versions import settings_table

SCHEMA = "documents"
KINDS = "'invoice', 'receipt', 'cancelling_receipt', 'credit_note', 'refund_receipt'"
MODED = "'invoice', 'receipt', 'credit_note', 'refund_receipt'"
CAUSES = "'order', 'shipping_kept', 'payment', 'cancellation', 'refund', 'correction', 'replacement'"

metadata = service_metadata(SCHEMA)
table = partial(store_table, metadata)

orders = table(
    "orders",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # 0: a refund or an erasure arrived before the order itself
    *columns(JSONB, "data", "personal", nullable=True),
    sa.Column("erased_at", TIME),  # from then on no personal data is stored
    sa.Column("event_sequence", sa.BigInteger, nullable=False, server_default="0"),  # counts this order's document.* events
    sa.PrimaryKeyConstraint("store_id", "order_id"),
    sa.CheckConstraint("(version = 0) = (data is null)", name="copy"),
    sa.Index(None, "store_id", "customer_id"),
)

refunds = table(
    "refunds",
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("order_version", sa.BigInteger, nullable=False),
    sa.Column("data", JSONB, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "refund_id"),
    sa.Index(None, "store_id", "order_id"),
)

requests = table(
    "requests",
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("requested_at", TIME, nullable=False),
    *columns(JSONB, "data", "personal"),
    sa.PrimaryKeyConstraint("store_id", "refund_id"),
    sa.Index(None, "store_id", "order_id", "requested_at"),
)

stores = table(
    "stores",
    sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),
    sa.Column("time_zone_version", sa.BigInteger, nullable=False, server_default="0"),  # of the order service's settings
    sa.PrimaryKeyConstraint("store_id"),
)

settings = settings_table(
    metadata,
    *columns(JSONB, "letterhead", "prefixes"),
    sa.Column("slip_shows_due", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("issue", JSONB, nullable=False, server_default="{}"),  # mode and first day, by kind, as they were said
    sa.Column("starts", JSONB, nullable=False, server_default="{}"),  # year and first number, by kind
)

modes = table(
    "modes",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("since", TIME, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # of the settings that said it
    sa.PrimaryKeyConstraint("store_id", "kind", "since"),
    sa.CheckConstraint(f"kind in ({MODED})", name="kind"),
    sa.CheckConstraint("mode in ('on', 'off', 'elsewhere')", name="mode"),
    comment="Who issues a kind from a moment on; before the first, we do. Only what has not begun yet is ever taken back.",
)

logos = table(
    "logos",
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("png", sa.LargeBinary, nullable=False),
    sa.Column("saved_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "sha256"),
)

series = table(
    "series",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),  # fixed when the series begins: a series never changes its name
    sa.Column("first", sa.BigInteger, nullable=False, server_default="1"),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "kind", "year"),
    sa.UniqueConstraint("store_id", "prefix", "year"),
    sa.CheckConstraint(f"kind in ({KINDS})", name="kind"),
    sa.CheckConstraint("last >= first and first >= 1", name="last"),
)

documents = table(
    "documents",
    sa.Column("document_id", PublicIdColumn("document"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("order_number", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),  # at issue, as in its data; who may read it, `orders` says
    *columns(sa.Text, "kind", "cause", "subject_id"),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("counted", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("issued_on", sa.Date, nullable=False),  # the store's day
    sa.Column("issued_at", TIME, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("refers_to", PublicIdColumn("document")),
    sa.Column("refers_to_external", JSONB(none_as_null=True)),  # number and date of a document of another system
    sa.Column("data", sa.Text, nullable=False),  # text, not jsonb: exactly these bytes were hashed
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("e_invoice", JSONB(none_as_null=True)),  # rules/e_invoice.py; null: none was wanted
    sa.PrimaryKeyConstraint("store_id", "document_id"),
    sa.UniqueConstraint("store_id", "cause", "subject_id"),
    sa.UniqueConstraint("store_id", "kind", "year", "counted"),
    sa.UniqueConstraint("store_id", "number"),
    sa.Index(None, "store_id", "order_id"),
    sa.Index(None, "store_id", "issued_on", "document_id"),
    sa.CheckConstraint(f"kind in ({KINDS})", name="kind"),
    sa.CheckConstraint(f"cause in ({CAUSES})", name="cause"),
    sa.CheckConstraint("counted >= 1 and total >= 0", name="figures"),
    sa.CheckConstraint("refers_to_external is null or (kind = 'credit_note' and refers_to is null)", name="external"),
    sa.CheckConstraint("e_invoice is null or kind in ('invoice', 'credit_note')", name="e_invoice"),
    sa.Index(
        "ix_documents_no_e_invoice", "store_id", "issued_on", "document_id", postgresql_where=sa.text("e_invoice ->> 'status' = 'missing'")
    ),
)

waiting = table(
    "waiting",
    *columns(sa.Text, "cause", "subject_id"),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    *columns(sa.Text, "order_number", "currency"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("since", TIME, nullable=False),  # when it was decided
    sa.PrimaryKeyConstraint("store_id", "cause", "subject_id"),
    sa.Index(None, "store_id", "since", "subject_id"),
    sa.Index(None, "store_id", "order_id"),
    sa.CheckConstraint("cause in ('refund', 'cancellation')", name="cause"),
    comment="Credit notes that are issued once the order names its invoice of another system.",
)

corrections = table(
    "corrections",
    sa.Column("document_id", PublicIdColumn("document"), nullable=False),  # the invoice that was corrected
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # the shop's words; blank once the customer is erased
    sa.Column("corrected_at", TIME, nullable=False),
    sa.Column("corrected_by", JSONB, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "document_id"),
    sa.ForeignKeyConstraint(["store_id", "document_id"], ["documents.documents.store_id", "documents.documents.document_id"]),
    sa.Index(None, "store_id", "order_id"),
)

renderings = table(
    "renderings",
    sa.Column("document_id", PublicIdColumn("document"), nullable=False),
    sa.Column("pdf", sa.LargeBinary),  # written once, by the first to finish
    *columns(sa.Text, "pdf_sha256", "engine", nullable=True),
    sa.Column("rendered_at", TIME),
    sa.Column("ahead", sa.Boolean, nullable=False, server_default=sa.false()),  # whether a worker renders it before anybody reads it
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_attempt_at", TIME, nullable=False),
    sa.Column("failure", sa.Text),
    sa.Column("missing_glyphs", JSONB(none_as_null=True)),  # what no font had when a picture was last made; none is stored then
    sa.PrimaryKeyConstraint("store_id", "document_id"),
    sa.ForeignKeyConstraint(["store_id", "document_id"], ["documents.documents.store_id", "documents.documents.document_id"]),
    sa.CheckConstraint("(pdf is null) = (pdf_sha256 is null) and (pdf is null) = (engine is null)", name="whole"),
    sa.CheckConstraint("missing_glyphs is null or pdf is null", name="provisional"),
    # For the worker's search for documents that are not rendered yet. It does not lead with store_id: a worker serves every store.
    sa.Index("ix_renderings_due", "next_attempt_at", postgresql_where=sa.text("pdf is null and ahead")),
    sa.Index("ix_renderings_provisional", "store_id", "document_id", postgresql_where=sa.text("missing_glyphs is not null")),
)

bound_times(metadata)
