"""Tables of the refunds schema: columns and constraints, no behaviour. `store_id` leads every key.

Two constraints back up the code's locks, and would hold without them (docs/decisions/0200-units-and-money.md):
`claims` keeps a unit from being in two refunds; `approvals` keeps an approval from exceeding the money collected at that time.
"""

from functools import partial

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID, ExcludeConstraint

from shared.data.columns import PublicIdColumn
from shared.data.counts import count_tables, sum_tables
from shared.data.schema import TIME, bound_times, columns, service_metadata, store_table
from shared.data.settings_versions import settings_table

SCHEMA = "refunds"
metadata = service_metadata(SCHEMA)
table = partial(store_table, metadata)

UNITS_PER_SLOT = 2**20  # a line has at most 1,000,000 units

orders = table(
    "orders",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    *columns(sa.Text, "number", "customer_id", "status", "currency"),
    sa.Column("shipping", sa.BigInteger, nullable=False),
    sa.Column("shipping_tax", sa.BigInteger),  # null, as a line's tax: copied before taxes were
    sa.Column("closings", JSONB, nullable=False, server_default="[]"),
    sa.Column("lines_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("payments", JSONB, nullable=False),
    sa.Column("delivered_at", TIME),
    sa.Column("cancellation", JSONB(none_as_null=True)),
    sa.Column("part_cancellations", JSONB, nullable=False, server_default="[]"),
    sa.Column("fulfilment", sa.Text, nullable=False, server_default="shipping"),
    *columns(sa.Text, "shipping_tax_rate", "shipping_tax_code", nullable=True),
    sa.Column("imported", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("refunded_before", JSONB(none_as_null=True)),
    sa.Column("pay_to", JSONB(none_as_null=True)),  # personal: in no event. Where what comes back by itself goes
    sa.Column("events", sa.Integer, nullable=False, server_default="0"),  # how many refund.* events this order has had
    sa.PrimaryKeyConstraint("store_id", "order_id"),
    sa.UniqueConstraint("store_id", "order_id", "customer_id"),  # the columns that a refund references
    sa.CheckConstraint("(status = 'cancelled') = (cancellation is not null)", name="cancellation"),
    sa.CheckConstraint("imported or refunded_before is null", name="refunded_before"),
    comment="Own copy of each order (newer version wins). Its row lock serialises everything about the order's refunds.",
)

order_lines = table(
    "order_lines",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    *columns(sa.Text, "sku", "name"),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("tax", sa.BigInteger),
    *columns(sa.Text, "tax_rate", "tax_code", nullable=True),
    sa.Column("stock_tracked", sa.Boolean, nullable=False),
    sa.Column("slot", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "order_id", "line"),
    sa.UniqueConstraint("store_id", "order_id", "line", "slot", "quantity"),  # the columns that a claim references
    sa.ForeignKeyConstraint(["store_id", "order_id"], [orders.c.store_id, orders.c.order_id]),
    sa.CheckConstraint("quantity between 1 and 1000000", name="quantity"),
    sa.CheckConstraint("total >= 0", name="total"),
    comment="What was bought, as of `lines_version`. `slot` gives each line places of its own in the one row of all units ever sold.",
)

refunds = table(
    "refunds",
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    *columns(sa.Text, "order_number", "customer_id"),
    sa.Column("version", sa.Integer, nullable=False),
    *columns(sa.Text, "status", "settlement", "cause"),
    sa.Column("payment_id", PublicIdColumn("payment")),
    sa.Column("part_cancellation_id", PublicIdColumn("part_cancellation")),
    sa.Column("order_version", sa.Integer, nullable=False),
    sa.Column("order_invoiced", sa.Boolean, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    *columns(sa.Text, "description", "further_information", "beyond_window_reason", "message", server_default=""),
    sa.Column("internal_reason", sa.Text, nullable=False, server_default=""),  # staff-only: in no event, in no response to a customer
    sa.Column("currency", sa.Text, nullable=False),
    *columns(sa.BigInteger, "amount", "credit", "goods", "shipping", "overpaid", "shipping_kept"),
    *columns(sa.BigInteger, "shipping_tax", "shipping_kept_tax", nullable=True),
    *columns(sa.Text, "shipping_tax_rate", "shipping_tax_code", nullable=True),
    *columns(JSONB, "taxes", "payout_taxes", "fees", server_default="[]"),
    sa.Column("settled_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("pay_to", JSONB(none_as_null=True)),  # personal: in no event
    sa.Column("shipping_choice", sa.Text, nullable=False, server_default="policy"),
    sa.Column("shipping_reason", sa.Text, nullable=False, server_default=""),  # staff-only, as internal_reason
    *columns(JSONB, "explanation", "requested_by"),
    sa.Column("requested_at", TIME, nullable=False),
    sa.Column("decided_by", JSONB(none_as_null=True)),
    *columns(TIME, "decided_at", "overdue_at", nullable=True),
    sa.PrimaryKeyConstraint("store_id", "refund_id"),
    sa.UniqueConstraint("store_id", "refund_id", "customer_id"),  # the columns that a file references
    # A refund follows its order to another customer, whoever makes one at that moment.
    sa.ForeignKeyConstraint(
        ["store_id", "order_id", "customer_id"], [orders.c.store_id, orders.c.order_id, orders.c.customer_id], onupdate="CASCADE"
    ),
    sa.CheckConstraint("status in ('processing', 'approved', 'cancelled')", name="status"),
    sa.CheckConstraint("settlement in ('none', 'unsettled', 'settled', 'failed')", name="settlement"),
    sa.CheckConstraint("settlement = 'none' or (status = 'approved' and amount > 0)", name="settled_when_approved"),
    sa.CheckConstraint(
        "case settlement when 'none' then settled_amount = 0 when 'settled' then settled_amount = amount "
        "else settled_amount between 0 and amount - 1 end",
        name="settled_amount",
    ),
    sa.CheckConstraint(
        "cause in ('request', 'cancellation', 'payment', 'part_cancellation', 'adjustment', 'overpaid', 'history')", name="cause"
    ),
    sa.CheckConstraint("cause <> 'overpaid' or (credit = 0 and overpaid > 0)", name="overpaid"),
    sa.CheckConstraint("shipping_choice in ('policy', 'keep', 'refund')", name="shipping_choice"),
    sa.CheckConstraint("cause = 'request' or (shipping_choice = 'policy' and fees = '[]')", name="decided_at_approval"),
    sa.CheckConstraint("shipping_choice <> 'policy' or shipping_reason = ''", name="shipping_reason"),
    sa.CheckConstraint("(cause = 'payment') = (payment_id is not null)", name="payment"),
    sa.CheckConstraint("(cause = 'part_cancellation') = (part_cancellation_id is not null)", name="part_cancellation"),
    sa.CheckConstraint("(status = 'processing') = (decided_at is null)", name="decided"),
    sa.CheckConstraint("goods >= 0 and shipping >= 0 and overpaid >= 0 and shipping_kept >= 0", name="never_negative"),
    sa.CheckConstraint("credit = goods + shipping and amount between overpaid and credit + overpaid", name="amount"),
    comment="One refund each; its claim and its approval are rows of their own.",
)
sa.Index("uq_refunds_cancellation", refunds.c.store_id, refunds.c.order_id, unique=True, postgresql_where=refunds.c.cause == "cancellation")
sa.Index("uq_refunds_history", refunds.c.store_id, refunds.c.order_id, unique=True, postgresql_where=refunds.c.cause == "history")
sa.Index("uq_refunds_payment", refunds.c.store_id, refunds.c.payment_id, unique=True, postgresql_where=refunds.c.cause == "payment")
sa.Index(
    "uq_refunds_part_cancellation", refunds.c.store_id, refunds.c.part_cancellation_id,
    unique=True, postgresql_where=refunds.c.cause == "part_cancellation",
)  # fmt: skip
sa.Index(None, refunds.c.store_id, refunds.c.requested_at, refunds.c.refund_id)
sa.Index(None, refunds.c.store_id, refunds.c.status, refunds.c.requested_at, refunds.c.refund_id)
sa.Index(None, refunds.c.store_id, refunds.c.customer_id, refunds.c.requested_at, refunds.c.refund_id)
sa.Index(None, refunds.c.store_id, refunds.c.order_id)
sa.Index("ix_refunds_order_number", refunds.c.store_id, refunds.c.order_number, postgresql_ops={"order_number": "text_pattern_ops"})
sa.Index(None, refunds.c.store_id, refunds.c.settlement, refunds.c.requested_at, refunds.c.refund_id)
sa.Index("ix_refunds_overdue", refunds.c.store_id, refunds.c.overdue_at, postgresql_where=refunds.c.status == "processing")
sa.Index("ix_refunds_decided", refunds.c.store_id, refunds.c.decided_at, postgresql_where=refunds.c.cause == "request")

# How many refunds have each status; the trigger `counted` writes the deltas.
counts, count_deltas = count_tables(metadata, "status", number="refunds")

# Sums per quarter hour and currency (see shared.web.figures): refunds requested, what was credited, approved to be paid back, and sent.
# `to_send` is what of it is still to send. Triggers write the deltas of both; what went back before an import is in neither.
figures, figure_deltas = sum_tables(
    metadata, "figures", {"quarter": TIME, "currency": sa.Text}, "requested", "credited", "paid_back", "sent"
)
to_send, to_send_deltas = sum_tables(metadata, "to_send", {"currency": sa.Text}, "due")

refund_lines = table(
    "refund_lines",
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    *columns(sa.Text, "sku", "name"),
    sa.Column("units", JSONB, nullable=False),  # [[first, last], …]; while the refund is open or approved also rows of `claims`
    sa.Column("quantity", sa.Integer, nullable=False),
    *columns(sa.BigInteger, "goods", "shipping"),
    sa.Column("tax", sa.BigInteger),
    *columns(sa.Text, "tax_rate", "tax_code", nullable=True),
    sa.Column("disposition", sa.Text, nullable=False),
    sa.Column("stock_tracked", sa.Boolean, nullable=False),
    sa.Column("restock", sa.Integer, nullable=False),
    sa.Column("not_restocked_because", sa.Text),
    sa.Column("fee", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("inspected", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id", "refund_id", "line"),
    sa.ForeignKeyConstraint(["store_id", "refund_id"], [refunds.c.store_id, refunds.c.refund_id]),
    sa.CheckConstraint("disposition in ('restock', 'inspect', 'discard', 'never_left')", name="disposition"),
    sa.CheckConstraint("quantity >= 0 and goods >= 0 and shipping >= 0 and fee >= 0", name="never_negative"),
    sa.CheckConstraint("restock between 0 and quantity", name="restock"),
    sa.CheckConstraint("inspected between 0 and quantity and (inspected = 0 or disposition = 'inspect')", name="inspected"),
)

claims = table(
    "claims",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    *columns(sa.Integer, "line", "first", "last"),
    sa.Column("slot", sa.BigInteger, nullable=False),
    sa.Column("line_quantity", sa.Integer, nullable=False),
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "order_id", "line", "first"),
    sa.ForeignKeyConstraint(
        ["store_id", "order_id", "line", "slot", "line_quantity"],
        [order_lines.c.store_id, order_lines.c.order_id, order_lines.c.line, order_lines.c.slot, order_lines.c.quantity],
        name="fk_claims_order_lines",
    ),
    sa.ForeignKeyConstraint(["store_id", "refund_id"], [refunds.c.store_id, refunds.c.refund_id], name="fk_claims_refunds"),
    sa.CheckConstraint("1 <= first and first <= last and last <= line_quantity", name="within_the_line"),
    ExcludeConstraint(
        (sa.literal_column(f"int8range(slot * {UNITS_PER_SLOT} + first, slot * {UNITS_PER_SLOT} + last, '[]')"), "&&"),
        using="gist",
        name="ex_claims_a_unit_once",
    ),
    comment="Units in an open or approved refund. A unit has one place in the row of all units, and no place is taken twice.",
)
sa.Index(None, claims.c.store_id, claims.c.refund_id)

approvals = table(
    "approvals",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    *columns(sa.BigInteger, "amount", "collected_seen", "approved_before"),
    sa.Column("approved_after", sa.BigInteger, sa.Computed("approved_before + amount", persisted=True), nullable=False),
    sa.Column("number_before", sa.Integer, sa.Computed("nullif(number - 1, 0)", persisted=True)),
    sa.Column("approved_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "order_id", "number"),
    sa.UniqueConstraint("store_id", "refund_id"),
    sa.UniqueConstraint("store_id", "order_id", "number", "approved_after"),
    sa.ForeignKeyConstraint(
        ["store_id", "order_id", "number_before", "approved_before"],
        ["refunds.approvals.store_id", "refunds.approvals.order_id", "refunds.approvals.number", "refunds.approvals.approved_after"],
        name="fk_approvals_chain",
    ),
    sa.ForeignKeyConstraint(["store_id", "refund_id"], [refunds.c.store_id, refunds.c.refund_id], name="fk_approvals_refunds"),
    sa.CheckConstraint("number >= 1 and (number > 1 or approved_before = 0)", name="begins_at_nothing"),
    sa.CheckConstraint("amount >= 0", name="never_negative"),
    sa.CheckConstraint("amount = 0 or approved_before + amount <= collected_seen", name="never_too_much"),
    comment="Money approved, a chain per order: each row begins where the one before it ended, and says what it saw as collected.",
)

part_credits = table(
    "credits",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    *columns(sa.Integer, "part", "number"),
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    *columns(sa.BigInteger, "amount", "before", "whole"),
    sa.Column("after", sa.BigInteger, sa.Computed("before + amount", persisted=True), nullable=False),
    sa.Column("number_before", sa.Integer, sa.Computed("nullif(number - 1, 0)", persisted=True)),
    sa.PrimaryKeyConstraint("store_id", "order_id", "part", "number"),
    sa.UniqueConstraint("store_id", "refund_id", "part"),
    sa.UniqueConstraint("store_id", "order_id", "part", "number", "after"),
    sa.ForeignKeyConstraint(
        ["store_id", "order_id", "part", "number_before", "before"],
        [f"refunds.credits.{name}" for name in ("store_id", "order_id", "part", "number", "after")],
        name="fk_credits_chain",
    ),
    sa.ForeignKeyConstraint(["store_id", "refund_id"], [refunds.c.store_id, refunds.c.refund_id], name="fk_credits_refunds"),
    sa.CheckConstraint("part >= 0 and number >= 1 and (number > 1 or before = 0)", name="begins_at_nothing"),
    sa.CheckConstraint("amount > 0 and before + amount <= whole", name="never_too_much"),
    comment="What was credited of each part of an order (a line, or 0 for its shipping), a chain per part, each within the part's total.",
)

inspections = table(
    "inspections",
    sa.Column("inspection_id", UUID(as_uuid=True), nullable=False),
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("disposition", sa.Text, nullable=False),
    *columns(sa.Integer, "quantity", "restock"),
    sa.Column("inspected_by", JSONB, nullable=False),
    sa.Column("inspected_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "inspection_id", "line", "disposition"),
    sa.ForeignKeyConstraint(["store_id", "refund_id", "line"], [refund_lines.c.store_id, refund_lines.c.refund_id, refund_lines.c.line]),
    sa.CheckConstraint("disposition in ('restock', 'discard')", name="disposition"),
    sa.CheckConstraint("quantity >= 1 and restock between 0 and quantity", name="quantity"),
)
sa.Index(None, inspections.c.store_id, inspections.c.refund_id)

settlements = table(
    "settlements",
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    *columns(sa.Text, "outcome", "method", "reference", "reason"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("payment_id", PublicIdColumn("payment")),
    sa.Column("counts", sa.Boolean, nullable=False),  # false: changed nothing
    # Successes that count form a chain per refund: each begins where the one before it ended, within the refund's amount.
    sa.Column("turn", sa.Integer),
    *columns(sa.BigInteger, "before", "whole", nullable=True),
    sa.Column("after", sa.BigInteger, sa.Computed("before + amount", persisted=True)),
    sa.Column("turn_before", sa.Integer, sa.Computed("nullif(turn - 1, 0)", persisted=True)),
    sa.Column("reported_by", JSONB, nullable=False),
    sa.Column("reported_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "refund_id", "number"),
    sa.UniqueConstraint("store_id", "refund_id", "method", "reference", "outcome"),
    sa.UniqueConstraint("store_id", "refund_id", "turn"),
    sa.UniqueConstraint("store_id", "refund_id", "turn", "after"),
    sa.ForeignKeyConstraint(["store_id", "refund_id"], [refunds.c.store_id, refunds.c.refund_id]),
    sa.ForeignKeyConstraint(
        ["store_id", "refund_id", "turn_before", "before"],
        [f"refunds.settlements.{name}" for name in ("store_id", "refund_id", "turn", "after")],
        name="fk_settlements_chain",
    ),
    sa.CheckConstraint("outcome in ('succeeded', 'failed')", name="outcome"),
    sa.CheckConstraint("(turn is not null) = (counts and outcome = 'succeeded')", name="successes_have_turns"),
    sa.CheckConstraint(
        "num_nulls(turn, before, whole) in (0, 3) and (turn is null or turn >= 1 and (turn > 1 or before = 0))", name="begins_at_nothing"
    ),
    sa.CheckConstraint("amount >= 0 and (turn is null or amount > 0 and before + amount <= whole)", name="never_too_much"),
    comment="What the outside reported about the money; the same report again is the same row.",
)
_sent = settlements.c.turn.is_not(None)
_in_order = (settlements.c.store_id, settlements.c.reported_at, settlements.c.refund_id, settlements.c.number)
sa.Index("ix_settlements_sent", *_in_order, postgresql_where=_sent)

settings = settings_table(
    metadata,
    sa.Column("valid_from", TIME, nullable=False),
    *columns(sa.Boolean, "manage_stock", "attachments", "deduct_shipping"),
    sa.Column("window_days", sa.Integer),
    sa.Column("reasons", JSONB, nullable=False),
    sa.Column("overdue_after_hours", sa.Integer, nullable=False),
    sa.CheckConstraint("valid_from >= saved_at", name="never_in_the_past"),
    sa.CheckConstraint("window_days >= 0", name="window_days"),
)
settings.comment = "Every version of a store's refund policy; of those whose valid_from has come, the latest is in force."
sa.Index(None, settings.c.store_id, settings.c.valid_from, settings.c.version)

stores = table(
    "stores",
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("store_id"),
    comment="Own copy of each store's settings, as far as they matter here (newer version wins).",
)

attention = table(
    "attention",
    sa.Column("attention_id", PublicIdColumn("attention"), nullable=False),
    *columns(sa.Text, "kind", "key"),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("refund_id", PublicIdColumn("refund")),
    sa.Column("facts", JSONB, nullable=False),
    sa.Column("opened_at", TIME, nullable=False),
    sa.Column("closed_at", TIME),
    sa.Column("closed_by", JSONB(none_as_null=True)),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.PrimaryKeyConstraint("store_id", "attention_id"),
    sa.UniqueConstraint("store_id", "kind", "key"),
    sa.CheckConstraint(
        "kind in ('settled_twice', 'failed_after_settled', 'approved_above_collected', 'paid_back_above_payment', 'pay_to_missing')",
        name="kind",
    ),
    comment="What a person must look at; staff close it with a note. `key` is what opened it, so it opens once.",
)
sa.Index(None, attention.c.store_id, attention.c.closed_at, attention.c.opened_at, attention.c.attention_id)

attachments = table(
    "attachments",
    sa.Column("attachment_id", PublicIdColumn("attachment"), nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("refund_id", PublicIdColumn("refund")),
    *columns(sa.Text, "name", "media_type"),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("uploaded_by", JSONB, nullable=False),
    sa.Column("uploaded_at", TIME, nullable=False),
    sa.Column("erased_at", TIME),
    sa.PrimaryKeyConstraint("store_id", "attachment_id"),
    # Without a refund it is its uploader's, with one it follows the refund.
    sa.ForeignKeyConstraint(
        ["store_id", "refund_id", "customer_id"], [refunds.c.store_id, refunds.c.refund_id, refunds.c.customer_id], onupdate="CASCADE"
    ),
    sa.CheckConstraint("media_type in ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')", name="media_type"),
    comment="Files of customers, private. A row without a refund is an upload that no request has taken yet.",
)
sa.Index(None, attachments.c.store_id, attachments.c.refund_id)
_unwanted = attachments.c.refund_id.is_(None) | attachments.c.erased_at.is_not(None)
sa.Index("ix_attachments_unwanted", attachments.c.uploaded_at, postgresql_where=_unwanted)

bound_times(metadata)
