"""Updates the copies of orders and of stores' time zones from other services' events."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from services.refunds.tables import orders, stores
from shared.contracts.events import Order
from shared.data.db import Transaction
from shared.data.erasure import withhold_answers
from shared.data.schema import TIME
from shared.data.sql import statement

LINE = ("line", "sku", "name", "quantity", "total", "tax", "tax_rate", "tax_code", "stock_tracked")
"""The fields of a line that are copied."""

COPY_ORDER = statement(__file__, "copy_order").bindparams(
    *(
        sa.bindparam(name, type_=sa.Text)
        for name in ("store", "number", "customer", "status", "currency", "fulfilment", "shipping_tax_rate", "shipping_tax_code")
    ),
    *(sa.bindparam(name, type_=JSONB) for name in ("payments", "lines", "part_cancellations", "closings")),
    *(sa.bindparam(name, type_=JSONB(none_as_null=True)) for name in ("cancellation", "refunded_before")),
    sa.bindparam("imported", type_=sa.Boolean),
    sa.bindparam("order_id", type_=orders.c.order_id.type),
    sa.bindparam("version", type_=sa.Integer),
    *(sa.bindparam(name, type_=sa.BigInteger) for name in ("shipping", "shipping_tax")),
    sa.bindparam("lines_version", type_=sa.Integer),
    sa.bindparam("delivered_at", type_=TIME),
)
REPLACE_LINES = statement(__file__, "replace_lines").bindparams(
    sa.bindparam("store", type_=sa.Text),
    sa.bindparam("order_id", type_=orders.c.order_id.type),
    sa.bindparam("lines_version", type_=sa.Integer),
    sa.bindparam("lines", type_=JSONB),
)


async def copy_order(tx: Transaction, store_id: str, order: Order) -> bool | None:
    """Update the copy if the order is newer, and lock it. Returns whether the copy was created; None if it was already as new."""
    values = _values(store_id, order)
    written = await tx.first(COPY_ORDER, values)
    if written is None:
        return None
    if not written.created and order.lines_version > 1:
        await tx.execute(REPLACE_LINES, {name: values[name] for name in ("store", "order_id", "lines_version", "lines")})
    return bool(written.created)


async def forget_former_customers(tx: Transaction, store_id: str, order_id: str) -> None:
    """Blank what was answered about the order to those who are not its customer. Its refunds and their files follow the copy by themselves:
    see the foreign keys of `tables.refunds` and `tables.attachments`.
    """
    await withhold_answers(tx, orders, store_id, order_id)


async def copy_store(tx: Transaction, store_id: str, version: int, time_zone: str) -> None:
    """Update the copy of a store's settings if they are newer."""
    row = insert(stores).values(store_id=store_id, version=version, time_zone=time_zone)
    newer = row.on_conflict_do_update(
        index_elements=["store_id"],
        set_={"version": row.excluded.version, "time_zone": row.excluded.time_zone},
        where=stores.c.version < row.excluded.version,
    )
    await tx.execute(newer)


def _values(store_id: str, order: Order) -> dict[str, Any]:
    forgotten = order.forgotten()  # reasons are personal text and are not needed here
    cancellation = forgotten.cancellation
    return {
        "store": store_id,
        "order_id": order.order_id,
        "version": order.version,
        "number": order.number,
        "customer": order.customer_id,
        "status": order.status,
        "currency": order.currency,
        "shipping": order.shipping,
        "shipping_tax": order.shipping_tax,
        "closings": [{"kind": one.kind, "amount": one.amount, "order_version": one.order_version} for one in order.closings],
        "lines_version": order.lines_version,
        "fulfilment": order.fulfilment,
        "shipping_tax_rate": order.shipping_tax_rate,
        "shipping_tax_code": order.shipping_tax_code,
        "payments": [
            {"payment_id": p.payment_id, "amount": p.amount, "order_version": p.order_version, "reverses": p.reverses, "method": p.method}
            for p in order.payments
        ],
        "delivered_at": order.delivered_at,
        "cancellation": cancellation.model_dump(mode="json") if cancellation else None,
        "part_cancellations": [one.model_dump(mode="json") for one in forgotten.part_cancellations],
        "imported": order.imported,
        "refunded_before": order.history.refunded.model_dump(mode="json") if order.history and order.history.refunded else None,
        "lines": [{name: getattr(line, name) for name in LINE} for line in order.lines],
    }
