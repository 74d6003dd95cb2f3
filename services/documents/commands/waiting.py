"""The credit notes that wait for the number of an invoice that another system issued."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.documents.rules.due import Due, decided_at
from services.documents.tables import waiting
from shared.contracts.events import Order, Refund
from shared.data.db import Transaction


async def keep_waiting(tx: Transaction, store_id: str, order: Order, due: list[Due], known: tuple[Refund, ...]) -> None:
    """Store that of the order these wait, and no others. The caller holds the lock of the order's copy."""
    decided = {refund.refund_id: decided_at(refund) for refund in known}
    since = decided | ({order.order_id: order.cancellation.recorded_at} if order.cancellation else {})
    mine = (waiting.c.store_id == store_id) & (waiting.c.order_id == order.order_id)
    await tx.execute(sa.delete(waiting).where(mine, waiting.c.subject_id.not_in([one.subject_id for one in due])))
    rows = [
        {
            "store_id": store_id, "cause": one.cause, "subject_id": one.subject_id, "order_id": order.order_id,
            "order_number": order.number, "currency": order.currency, "amount": one.amount, "since": since[one.subject_id],
        }
        for one in due
    ]  # fmt: skip
    if rows:
        await tx.execute(insert(waiting).values(rows).on_conflict_do_nothing())
