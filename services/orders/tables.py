"""Tables of the orders schema: columns and constraints, no behaviour. `store_id` leads every key."""

from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.data.columns import PublicIdColumn
from shared.data.counts import count_tables, sum_tables
from shared.data.schema import TIME, bound_times, columns, service_metadata, store_table
from shared.data.settings_versions import settings_table

metadata = service_metadata("orders")
table = partial(store_table, metadata)

STATUSES = "('pending', 'confirmed', 'picked_up', 'shipped', 'delivered', 'cancelled')"
TOTAL_IS_SUM = "goods_total + shipping = total"
DUE = "case status when 'cancelled' then 0 else greatest(0, total - credited_total - collected + refunded_total - written_off_total) end"
PAID = """case status when 'cancelled' then collected >= total
    else total - credited_total - collected + refunded_total - written_off_total <= 0 end"""  # nothing is due: shared/contracts/position.py
# An order from before there were parcels may have tracking without any; an erased number is empty.
TRACKS_FIRST = "parcels = '[]'::jsonb or coalesce(tracking ->> 'number', '') = parcels -> 0 ->> 'number'"
PAYMENT_STATE = f"case when {PAID} then 'paid' else 'unpaid' end"
OVERPAID = "(status <> 'cancelled' and total - credited_total - collected + refunded_total + kept_total < 0)"
ATTENTION = f"{OVERPAID} or address_problems <> '[]'::jsonb or oversold_open"

orders = table(
    "orders",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("external_ref", sa.Text),
    *columns(sa.Text, "status", "currency", "language"),
    sa.Column("prices_include_tax", sa.Boolean, nullable=False),
    *columns(sa.Text, "customer_id", "customer_name", "email", "phone"),
    *columns(JSONB, "shipping_address", "billing_address", "invoiced_address", nullable=True),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("address_problems", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")),
    sa.Column("oversold", JSONB, nullable=False, server_default="[]"),
    sa.Column("oversold_open", sa.Boolean, nullable=False, server_default=sa.false()),  # until staff accept it
    sa.Column("line_count", sa.Integer, nullable=False),
    *columns(sa.BigInteger, "unit_count", "goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total", "collected"),
    sa.Column("payment", sa.Text, sa.Computed(PAYMENT_STATE, persisted=True), nullable=False),
    sa.Column("due", sa.BigInteger, sa.Computed(DUE, persisted=True), nullable=False),
    sa.Column("refunded_total", sa.BigInteger, nullable=False),
    *columns(sa.BigInteger, "credited_total", "shipping_kept_total", "written_off_total", "kept_total", server_default="0"),
    sa.Column("refund_state", sa.Text, nullable=False),
    sa.Column("refunds", sa.Integer, nullable=False),
    sa.Column("refunded_units", sa.BigInteger, nullable=False),
    sa.Column("tracking", JSONB),
    sa.Column("delivery_failed_at", TIME),
    sa.Column("cancellation", JSONB),
    sa.Column("part_cancellations", JSONB, nullable=False, server_default="[]"),
    sa.Column("placed_at", TIME, nullable=False),
    *columns(TIME, "confirmed_at", "delivered_at", nullable=True),
    sa.Column("lines_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("last_line", sa.Integer),  # the highest line number that was ever used; null until an amendment: as many as there are
    sa.Column("confirmed_version", sa.Integer),
    *columns(TIME, "recorded_at", "updated_at"),
    sa.Column("fulfilment", sa.Text, nullable=False, server_default="shipping"),
    *columns(sa.Text, "shipping_method", "payment_method", "place_of_supply", "shipping_tax_rate", "shipping_tax_code", nullable=True),
    *columns(sa.Date, "supplied_on", "payment_due_on", nullable=True),
    *columns(sa.Text, "company", "buyer_reference", "customer_note", server_default=""),
    *columns(JSONB, "coupon_codes", "parcels", "tags", "tax_numbers", "personal_lines", "line_extras", server_default="[]"),
    sa.Column("imported", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("history", JSONB(none_as_null=True)),
    sa.Column("external_documents", JSONB, nullable=False, server_default="[]"),
    sa.PrimaryKeyConstraint("store_id", "order_id"),
    sa.UniqueConstraint("store_id", "number"),
    sa.UniqueConstraint("store_id", "external_ref"),
    sa.CheckConstraint(TOTAL_IS_SUM, name="total"),
    sa.CheckConstraint("version >= 1 and line_count >= 1 and unit_count >= line_count", name="counted"),
    sa.CheckConstraint("last_line between line_count and 10000", name="last_line"),
    sa.CheckConstraint("goods_total >= 0 and shipping >= 0 and discount_total >= 0 and tax_total >= 0", name="not_negative"),
    sa.CheckConstraint("collected >= 0 and refunded_total >= 0 and refunded_units between 0 and unit_count", name="collected"),
    sa.CheckConstraint("credited_total between 0 and total and shipping_kept_total between 0 and shipping", name="credited"),
    sa.CheckConstraint("written_off_total >= 0 and kept_total >= 0", name="closed"),
    sa.CheckConstraint(f"status in {STATUSES}", name="status"),
    sa.CheckConstraint("refund_state in ('none', 'partial', 'full')", name="refund_state"),
    sa.CheckConstraint("(status = 'cancelled') = (cancellation is not null)", name="cancellation"),
    sa.CheckConstraint("fulfilment in ('shipping', 'pickup', 'digital')", name="fulfilment"),
    sa.CheckConstraint("jsonb_array_length(parcels) <= 50", name="parcels"),
    sa.CheckConstraint(TRACKS_FIRST, name="tracking"),
    sa.CheckConstraint("not oversold_open or oversold <> '[]'::jsonb", name="oversold"),
    sa.CheckConstraint("imported = (history is not null)", name="imported"),
)


def alike(text: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A text as the database compares it: in lower case and composed (Unicode NFC). Both sides of a comparison go through this."""
    return sa.func.lower(sa.func.normalize(text), type_=sa.Text)


def without_extension(phone: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A telephone number as people say it, who leave out the extension that is kept behind a semicolon."""
    return sa.func.split_part(phone, sa.literal_column("';'"), sa.literal_column("1"), type_=sa.Text)


# Most orders go to their buyers, and are found as theirs.
HAS_OTHER_RECIPIENT = sa.literal_column("shipping_address ->> 'name' <> customer_name", sa.Boolean)
HAS_OTHER_PHONE = sa.literal_column("shipping_address ->> 'phone' <> '' and shipping_address ->> 'phone' <> phone", sa.Boolean)

# The sort order of every list; the other columns narrow it without losing that order.
sa.Index(None, orders.c.store_id, orders.c.placed_at, orders.c.order_id)
sa.Index(None, orders.c.store_id, orders.c.customer_id, orders.c.placed_at, orders.c.order_id)
sa.Index(None, orders.c.store_id, orders.c.status, orders.c.placed_at, orders.c.order_id)
sa.Index("ix_orders_email", orders.c.store_id, alike(orders.c.email), orders.c.placed_at, orders.c.order_id)
sa.Index("ix_orders_phone", orders.c.store_id, without_extension(orders.c.phone), orders.c.placed_at, orders.c.order_id)
sa.Index(
    "ix_orders_recipient_phone", orders.c.store_id, without_extension(orders.c.shipping_address["phone"].astext), orders.c.placed_at,
    orders.c.order_id, postgresql_where=HAS_OTHER_PHONE,
)  # fmt: skip
# In the order of bytes (the migration says so; Alembic does not read it back), a range has all names that begin with a text, whatever the
# collation of the database.
sa.Index("ix_orders_name", orders.c.store_id, alike(orders.c.customer_name))
sa.Index("ix_orders_recipient", orders.c.store_id, alike(orders.c.shipping_address["name"].astext), postgresql_where=HAS_OTHER_RECIPIENT)
# The order of changes, for those who keep a copy.
sa.Index(None, orders.c.store_id, orders.c.updated_at, orders.c.order_id)
sa.Index(None, orders.c.store_id, orders.c.customer_id, orders.c.updated_at, orders.c.order_id)
# The highest number of a prefix: among numbers of one length and one text before their last digits, the order of texts is that of numbers.
sa.Index(
    "ix_orders_number_series", orders.c.store_id, sa.func.rtrim(orders.c.number, sa.literal_column("'0123456789'")),
    sa.func.length(orders.c.number), sa.func.btrim(orders.c.number),
)  # fmt: skip

sa.Index("ix_orders_attention", orders.c.store_id, orders.c.placed_at, orders.c.order_id, postgresql_where=sa.text(ATTENTION))

# The numbers of an order's parcels, each once, so that a search by them reads in the sort order of every list; a trigger keeps them.
parcel_numbers = table(
    "parcel_numbers",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("placed_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "order_id", "number"),
    sa.ForeignKeyConstraint(("store_id", "order_id"), ("orders.orders.store_id", "orders.orders.order_id")),
)
sa.Index(None, parcel_numbers.c.store_id, parcel_numbers.c.number, parcel_numbers.c.placed_at, parcel_numbers.c.order_id)

lines = table(
    "lines",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    *columns(sa.Text, "sku", "name"),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("unit_price", sa.BigInteger),
    *columns(sa.BigInteger, "subtotal", "discount", "order_discount", "tax", "total"),
    sa.Column("stock_tracked", sa.Boolean, nullable=False),
    *columns(sa.Text, "tax_rate", "tax_code", "commodity_code", nullable=True),
    sa.Column("options", JSONB(none_as_null=True)),
    sa.Column("placed_at", TIME, nullable=False),  # the order's, so that a search by SKU reads in the sort order of every list
    sa.PrimaryKeyConstraint("store_id", "order_id", "line"),
    sa.ForeignKeyConstraint(("store_id", "order_id"), ("orders.orders.store_id", "orders.orders.order_id")),
    sa.CheckConstraint("quantity between 1 and 1000000", name="quantity"),
    sa.CheckConstraint("unit_price is null or unit_price * quantity = subtotal", name="subtotal"),
    sa.CheckConstraint("discount >= 0 and order_discount >= 0 and tax >= 0 and total >= 0", name="not_negative"),
    sa.CheckConstraint("total in (subtotal - discount - order_discount, subtotal - discount - order_discount + tax)", name="total"),
)
sa.Index(None, lines.c.store_id, lines.c.sku, lines.c.placed_at, lines.c.order_id)

payments = table(
    "payments",
    sa.Column("payment_id", PublicIdColumn("payment"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("order_version", sa.Integer, nullable=False),
    sa.Column("lines_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    *columns(sa.Text, "method", "reference"),
    sa.Column("collected_by", sa.Text),
    sa.Column("reverses", PublicIdColumn("payment")),
    sa.Column("courier_charge", sa.BigInteger),
    sa.Column("origin", PublicIdColumn("payment"), sa.Computed("coalesce(reverses, payment_id)", persisted=True), nullable=False),
    sa.Column("stood", sa.BigInteger),  # of a reversal: what of its payment stood before it
    sa.Column("stands", sa.BigInteger, sa.Computed("coalesce(stood, 0) + amount", persisted=True), nullable=False),
    *columns(TIME, "occurred_at", "recorded_at"),
    sa.Column("placed_at", TIME, nullable=False),  # the order's, as in lines
    sa.PrimaryKeyConstraint("store_id", "payment_id"),
    sa.ForeignKeyConstraint(("store_id", "order_id"), ("orders.orders.store_id", "orders.orders.order_id")),
    # The reversals of a payment form a chain: each begins with what the record before it left, and no two with the same.
    sa.UniqueConstraint("store_id", "origin", "stands"),
    sa.UniqueConstraint("store_id", "origin", "stood"),
    sa.ForeignKeyConstraint(
        ("store_id", "origin", "stood"), ("orders.payments.store_id", "orders.payments.origin", "orders.payments.stands")
    ),
    sa.CheckConstraint("(amount > 0) = (reverses is null) and amount <> 0", name="amount"),
    sa.CheckConstraint("courier_charge is null or (courier_charge >= 0 and reverses is null)", name="courier_charge"),
    sa.CheckConstraint("(stood is null) = (reverses is null) and coalesce(stood, 0) + amount >= 0", name="stood"),
)
sa.Index(None, payments.c.store_id, payments.c.order_id, payments.c.order_version)
sa.Index(None, payments.c.store_id, payments.c.reference, payments.c.placed_at, payments.c.order_id)
sa.Index(None, payments.c.store_id, payments.c.occurred_at, payments.c.payment_id)  # the journal
sa.Index(
    "uq_payments_reference", payments.c.store_id, payments.c.order_id, payments.c.method, payments.c.reference,
    unique=True, postgresql_where=payments.c.reverses.is_(None),
)  # fmt: skip

# The timeline: one row per version with who, when, message and reason. The order's row is the fold of these.
changes = table(
    "changes",
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("by", JSONB, nullable=False),
    *columns(sa.Text, "message", "reason"),
    sa.Column("details", JSONB, nullable=False),
    *columns(TIME, "occurred_at", "recorded_at"),
    sa.PrimaryKeyConstraint("store_id", "order_id", "version"),
    sa.ForeignKeyConstraint(("store_id", "order_id"), ("orders.orders.store_id", "orders.orders.order_id")),
)

# Differences that the shop let be, each within what was due or overpaid at that moment; append-only. Who did it, when and why in words
# is in the change that it made.
closings = table(
    "closings",
    sa.Column("closing_id", PublicIdColumn("closing"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("order_version", sa.Integer, nullable=False),
    *columns(sa.Text, "kind", "reason"),
    *columns(sa.BigInteger, "amount", "difference"),
    sa.PrimaryKeyConstraint("store_id", "closing_id"),
    sa.UniqueConstraint("store_id", "order_id", "order_version"),
    sa.ForeignKeyConstraint(
        ("store_id", "order_id", "order_version"), ("orders.changes.store_id", "orders.changes.order_id", "orders.changes.version")
    ),
    sa.CheckConstraint("amount between 1 and difference", name="amount"),
    sa.CheckConstraint("kind in ('written_off', 'kept')", name="kind"),
    sa.CheckConstraint("reason in ('rounding', 'shortage', 'tip', 'surplus', 'other')", name="reason"),
)

# One row per refund that the refund service approved; the refund figures on the order are their sums.
refunds = table(
    "refunds",
    sa.Column("refund_id", PublicIdColumn("refund"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    *columns(sa.BigInteger, "amount", "credit", "shipping_kept", "units"),
    sa.Column("recorded_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "refund_id"),
    sa.ForeignKeyConstraint(("store_id", "order_id"), ("orders.orders.store_id", "orders.orders.order_id")),
    sa.CheckConstraint("amount >= 0 and credit >= 0 and shipping_kept >= 0 and units >= 0", name="not_negative"),
)

# Links with which a guest without an account reads one order. The token is never stored: it can be derived again from the row, and its
# hash verifies the result.
guest_links = table(
    "guest_links",
    sa.Column("link_id", PublicIdColumn("link"), nullable=False),
    sa.Column("order_id", PublicIdColumn("order"), nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("token_hash", sa.LargeBinary, nullable=False),
    sa.Column("by", JSONB, nullable=False),
    *columns(TIME, "created_at", "expires_at"),
    sa.Column("revoked_at", TIME),
    sa.PrimaryKeyConstraint("store_id", "link_id"),
    sa.ForeignKeyConstraint(("store_id", "order_id"), ("orders.orders.store_id", "orders.orders.order_id")),
    sa.CheckConstraint("expires_at > created_at", name="expires"),
)
sa.Index(None, guest_links.c.store_id, guest_links.c.order_id)
sa.Index(None, guest_links.c.expires_at)

# A SKU is tracked while it has a level here and the store's stock is on; `on_hand` counts the units that can still be sold. It is below 0
# by as many as were sold without being there.
stock_levels = table(
    "stock_levels",
    sa.Column("sku", sa.Text, nullable=False),
    *columns(sa.BigInteger, "on_hand", "movements"),
    sa.Column("oversold", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("changed_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "sku"),
    sa.CheckConstraint("oversold = (on_hand < 0)", name="oversold"),
)
sa.Index(None, stock_levels.c.store_id, stock_levels.c.on_hand, stock_levels.c.sku)

# Append-only: a level is the sum of its movements, and a cause moves a SKU only once. Only a movement that says so takes units that are
# not there; whatever puts units back may leave the level below 0.
stock_movements = table(
    "stock_movements",
    sa.Column("sku", sa.Text, nullable=False),
    *columns(sa.BigInteger, "sequence", "quantity", "on_hand"),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("order_id", PublicIdColumn("order")),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", JSONB, nullable=False),
    sa.Column("recorded_at", TIME, nullable=False),
    sa.Column("oversold", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.PrimaryKeyConstraint("store_id", "sku", "sequence"),
    sa.ForeignKeyConstraint(("store_id", "sku"), ("orders.stock_levels.store_id", "orders.stock_levels.sku")),
    sa.UniqueConstraint("store_id", "cause", "sku"),
    sa.CheckConstraint("quantity <> 0", name="moved"),
    sa.CheckConstraint("oversold = (quantity < 0 and on_hand < 0)", name="oversold"),
)

# Append-only versions; the newest is in force. No row means the defaults, version 0.
settings = settings_table(
    metadata,
    *columns(sa.Text, "cancel_preset", "customer_cancel_until"),
    sa.Column("stock", sa.Boolean, nullable=False),
    *columns(sa.Text, "number_prefix", "time_zone"),
    sa.Column("next_number", sa.BigInteger),
    sa.Column("numbers_given", sa.BigInteger, nullable=False),  # the highest that the series gave before it was started at next_number
    sa.Column("country", sa.Text),
    sa.Column("oversell", sa.Text, nullable=False, server_default="refuse"),
    sa.CheckConstraint("oversell in ('refuse', 'allow')", name="oversell"),
    sa.Column("closing_limit", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("cancel_preset in ('cancellation-control', 'order-cancellation')", name="cancel_preset"),
    sa.CheckConstraint("customer_cancel_until in ('picked_up', 'shipped', 'delivered')", name="customer_cancel_until"),
    sa.CheckConstraint("next_number >= 1", name="next_number"),
    sa.CheckConstraint("closing_limit >= 0", name="closing_limit"),
)

# How many orders there are per status, payment and refund state.
counts, count_deltas = count_tables(metadata, "status", "payment", "refund_state", number="orders")

# Sums per quarter hour (of UTC: it begins where an hour or day of any time zone does) and currency: orders placed, their totals, and
# payments less reversals. A zone's hours and days are sums of these. Triggers write the deltas, here and of cash_out.
figures, figure_deltas = sum_tables(metadata, "figures", {"quarter": TIME, "currency": sa.Text}, "placed", "sold", "collected")

# What is due of orders whose goods left and that are not cancelled, by currency.
cash_out, cash_out_deltas = sum_tables(metadata, "cash_out", {"currency": sa.Text}, "due")

bound_times(metadata)
