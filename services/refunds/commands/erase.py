"""Erases a customer's texts and files."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from services.refunds.tables import attachments, attention, orders, refunds, settlements
from shared.data.db import Transaction
from shared.data.erasure import forget

TEXTS = ("description", "further_information", "beyond_window_reason", "message", "internal_reason", "shipping_reason")


async def erase_customer(tx: Transaction, store_id: str, customer_id: str, order_ids: Sequence[str], *, now: datetime) -> None:
    """Blank every text about the refunds of these orders and mark the customer's files for the sweeper; ids, amounts and hashes stay.

    Our copies may not yet say whose each order is: only the order service knows which are the customer's.
    """
    theirs = (refunds.c.store_id == store_id, refunds.c.order_id.in_(order_ids))
    of_theirs = sa.select(refunds.c.refund_id).where(*theirs)
    await tx.execute(sa.update(refunds).where(*theirs).values(dict.fromkeys(TEXTS, "") | {"pay_to": None}))
    copies = (orders.c.store_id == store_id, orders.c.order_id.in_(order_ids))
    await tx.execute(sa.update(orders).where(*copies).values(pay_to=None))
    reports = (settlements.c.store_id == store_id, settlements.c.refund_id.in_(of_theirs))
    await tx.execute(sa.update(settlements).where(*reports).values(reason=""))
    unused = attachments.c.refund_id.is_(None) & (attachments.c.customer_id == customer_id)
    whose = unused | attachments.c.refund_id.in_(of_theirs)
    files = (attachments.c.store_id == store_id, whose, attachments.c.erased_at.is_(None))
    erased = await tx.all(sa.update(attachments).where(*files).values(name="", erased_at=now).returning(attachments.c.attachment_id))
    notes = (attention.c.store_id == store_id, attention.c.order_id.in_(order_ids))
    if order_ids:
        await tx.execute(sa.update(attention).where(*notes).values(note="", facts=attention.c.facts - "reason"))
    # A stored response to an upload names no order, only the file.
    await forget(tx, store_id, [*order_ids, *(row.attachment_id for row in erased)], customer_id=customer_id)
