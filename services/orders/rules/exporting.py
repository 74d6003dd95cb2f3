"""Which columns an export has."""

from services.orders.requests.lists import ExportQuery
from shared.contracts.errors import Choice, FieldError, Invalid

SUMMARY = (
    "number", "placed_at", "customer_id", "customer_name", "status", "payment", "refund_state", "currency", "total", "collected",
    "refunded_total", "external_ref", "order_id", "version", "due",
)  # fmt: skip
"""All that a row of the list says: what a CSV has if its columns are not named."""

ADDRESS = ("name", "company", "street", "city", "city_area", "area", "postal_code", "country", "phone")
OF_ORDERS = (
    *SUMMARY, "overpaid", "credited_total", "goods_total", "discount_total", "tax_total", "shipping", "email", "phone", "company",
    *(f"shipping_{part}" for part in ADDRESS), *(f"billing_{part}" for part in ADDRESS),
    "fulfilment", "shipping_method", "payment_method", "carrier", "tracking_number", "tracking_url", "units", "coupon_codes", "tags",
    "customer_note", "confirmed_at", "delivered_at",
)  # fmt: skip
OF_LINES = (
    "line", "sku", "line_name", "quantity", "cancelled", "options", "personalisation", "unit_price", "subtotal", "line_discount",
    "order_discount", "line_tax", "line_total", "tax_rate", "tax_code", "commodity_code",
)  # fmt: skip
LINES = (
    "number", "placed_at", "currency", "line", "sku", "line_name", "options", "quantity", "cancelled", "unit_price", "subtotal",
    "line_discount", "order_discount", "line_tax", "line_total", "order_id",
)  # fmt: skip
"""What a CSV with a row for each line has if its columns are not named."""


def columns_of(wanted: ExportQuery) -> tuple[str, ...]:
    """The columns of the file. Raises Invalid for unknown ones, for what only a CSV has, and for columns of lines without lines."""
    if wanted.format == "jsonl" and (wanted.columns or wanted.rows == "lines" or wanted.time == "local"):
        detail = "columns, rows and time are for CSV: each line of JSON Lines is a whole order."
        raise Invalid("only_in_csv", detail, at="?format")
    if set(wanted.columns) - {*OF_ORDERS, *OF_LINES}:
        detail = "No such column: `choices` lists those that there are."
        choices = tuple(Choice(name) for name in (*OF_ORDERS, *OF_LINES))
        raise Invalid("unknown_column", detail, errors=(FieldError("?columns", "unknown_column", detail, choices),))
    if wanted.rows == "lines":
        return tuple(wanted.columns) or LINES
    of_lines = sorted(set(wanted.columns) & set(OF_LINES))
    if of_lines:
        raise Invalid("needs_rows_of_lines", f"Send rows=lines for columns of lines: {', '.join(of_lines)}.", at="?columns")
    return tuple(wanted.columns) or SUMMARY
