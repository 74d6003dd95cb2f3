"""What the service learns from events. A newer version of a copy wins; documents that a copy shows as due are issued at once."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.documents import queries
from services.documents.commands.issuing import issue_due, issue_receipts
from services.documents.state import Copy
from services.documents.tables import corrections, orders, refunds, requests, stores
from shared.contracts.events import CustomerErased, Order, OrderPersonal, Refund, RefundPersonal
from shared.data.db import Transaction

NOTHING_PERSONAL = OrderPersonal().model_dump_json()

# The newer version wins. For an erased customer's order, no personal data and no free text is stored.
KEEP = sa.text("""
insert into documents.orders as kept (store_id, order_id, customer_id, version, data, personal)
values (:store, :order_id, :customer, :version, cast(:data as jsonb), cast(:personal as jsonb))
on conflict (store_id, order_id) do update set
    version = excluded.version,
    customer_id = excluded.customer_id,
    data = case when kept.erased_at is null then excluded.data else cast(:facts as jsonb) end,
    personal = case when kept.erased_at is null then excluded.personal else cast(:nothing as jsonb) end
where kept.version < excluded.version
returning kept.erased_at is not null as erased, kept.event_sequence, kept.xmax = 0 as created
""").bindparams(
    *(sa.bindparam(name, type_=sa.Text) for name in ("store", "customer", "data", "personal", "facts", "nothing")),
    sa.bindparam("order_id", type_=orders.c.order_id.type),
    sa.bindparam("version", type_=sa.BigInteger),
)


async def take_order(tx: Transaction, store_id: str, order: Order, personal: OrderPersonal, *, now: datetime) -> None:
    """Store `order` if it is newer than our copy, and issue the documents that it shows as due."""
    kept = await tx.first(KEEP, _values(store_id, order, personal))
    if kept is None:
        if order.payments:
            await _receipts_of_older_lines(tx, store_id, order, now=now)
        return  # every other document that the newer copy requires was issued with it
    if kept.erased:
        order, personal = order.forgotten(), OrderPersonal()
    copy = Copy(order.order_id, order.version, kept.erased, kept.event_sequence, order, personal)
    known = () if kept.created else await queries.refunds_of(tx, store_id, order.order_id)  # a refund can create the order's row, too
    await issue_due(tx, store_id, copy, known, now=now)


async def _receipts_of_older_lines(tx: Transaction, store_id: str, older: Order, *, now: datetime) -> None:
    """Issue the receipts that only this older version can print, and then those that waited for them."""
    copy = await queries.copy(tx, store_id, older.order_id, lock=True)
    if copy.order is None or copy.order.lines_version == older.lines_version:
        return
    if await issue_receipts(tx, store_id, copy, older.forgotten() if copy.erased else older, now=now):
        copy = await queries.copy(tx, store_id, older.order_id)
        await issue_due(tx, store_id, copy, await queries.refunds_of(tx, store_id, older.order_id), now=now)


def _values(store_id: str, order: Order, personal: OrderPersonal) -> dict[str, Any]:
    return {
        "store": store_id,
        "order_id": order.order_id,
        "customer": order.customer_id,
        "version": order.version,
        "data": order.model_dump_json(),
        "personal": personal.model_dump_json(),
        "facts": order.forgotten().model_dump_json(),
        "nothing": NOTHING_PERSONAL,
    }


async def take_refund(tx: Transaction, store_id: str, refund: Refund, *, now: datetime) -> None:
    """Store an approved refund permanently. Issue its document if our copy of the order has arrived; otherwise it stays due."""
    copy = await _locked_copy(tx, store_id, refund.order_id, refund.customer_id)
    await tx.execute(
        insert(refunds)
        .values(
            store_id=store_id,
            refund_id=refund.refund_id,
            order_id=refund.order_id,
            order_version=refund.order_version,
            data=refund.model_dump(mode="json"),
        )
        .on_conflict_do_nothing()  # an approval is final: a second event about it adds nothing
    )
    await issue_due(tx, store_id, copy, await queries.refunds_of(tx, store_id, refund.order_id), now=now)


async def take_request(tx: Transaction, store_id: str, refund: Refund, personal: RefundPersonal) -> None:
    """Store what was asked for, as it was asked; of an erased customer's order without free text."""
    copy = await _locked_copy(tx, store_id, refund.order_id, refund.customer_id)
    said = RefundPersonal() if copy.erased else personal
    values = {"order_id": refund.order_id, "requested_at": refund.requested_at, "data": refund.model_dump(mode="json")}
    row = {"store_id": store_id, "refund_id": refund.refund_id, **values, "personal": said.model_dump(mode="json")}
    await tx.execute(insert(requests).values(**row).on_conflict_do_nothing())


async def take_time_zone(tx: Transaction, store_id: str, time_zone: str, version: int) -> None:
    """Date documents by `time_zone` from now on, unless a newer version of the order service's settings has arrived."""
    row = {"store_id": store_id, "time_zone": time_zone, "time_zone_version": version}
    statement = insert(stores).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["store_id"], set_=row, where=stores.c.time_zone_version < version))


async def forget_customer(tx: Transaction, store_id: str, erased: CustomerErased, *, now: datetime) -> None:
    """Blank the personal data in our copies of the event's orders, and store none again. Issued documents stay: the law requires it.

    Our copies may not yet say whose each order is: only the order service knows which are the customer's.
    """
    for order_id in sorted(erased.order_ids):
        copy = await _locked_copy(tx, store_id, order_id, erased.customer_id)
        blank: dict[str, Any] = {"erased_at": now}
        if copy.order is not None:
            blank |= {"data": copy.order.forgotten().model_dump(mode="json"), "personal": OrderPersonal().model_dump(mode="json")}
        await tx.execute(sa.update(orders).where(orders.c.store_id == store_id, orders.c.order_id == order_id).values(blank))
        for table, nothing in ((requests, {"personal": RefundPersonal().model_dump(mode="json")}), (corrections, {"reason": ""})):
            await tx.execute(sa.update(table).where(table.c.store_id == store_id, table.c.order_id == order_id).values(nothing))


async def _locked_copy(tx: Transaction, store_id: str, order_id: str, customer_id: str) -> Copy:
    """Our copy of an order, locked; an empty one (version 0) if no event of the order has arrived yet."""
    values = {"store_id": store_id, "order_id": order_id, "customer_id": customer_id, "version": 0}
    await tx.execute(insert(orders).values(**values).on_conflict_do_nothing())
    return await queries.copy(tx, store_id, order_id, lock=True)
