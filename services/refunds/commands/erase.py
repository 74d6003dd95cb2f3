"""Erases a customer's texts and files."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from services.refunds.tables import attachments, attention, refunds, settlements
from shared.data.db import Transaction
from shared.data.erasure import forget

TEXTS = ("description", "further_information", "beyond_window_reason", "message", "internal_reason")


async def erase_customer(tx: Transaction, store_id: str, customer_id: str, order_ids: Sequence[str], *, now: datetime) -> None:
    """Blank every text about the customer's refunds and mark their files for the sweeper; ids, amounts and hashes stay."""
    theirs = (refunds.c.store_id == store_id, refunds.c.customer_id == customer_id)
    await tx.execute(sa.update(refunds).where(*theirs).values(dict.fromkeys(TEXTS, "")))
    of_theirs = settlements.c.refund_id.in_(sa.select(refunds.c.refund_id).where(*theirs))
    await tx.execute(sa.update(settlements).where(settlements.c.store_id == store_id, of_theirs).values(reason=""))
    files = (attachments.c.store_id == store_id, attachments.c.customer_id == customer_id, attachments.c.erased_at.is_(None))
    erased = await tx.all(sa.update(attachments).where(*files).values(name="", erased_at=now).returning(attachments.c.attachment_id))
    notes = (attention.c.store_id == store_id, attention.c.order_id.in_(order_ids))
    if order_ids:
        await tx.execute(sa.update(attention).where(*notes).values(note="", facts=attention.c.facts - "reason"))
    # A stored response to an upload names no order, only the file.
    await forget(tx, store_id, [*order_ids, *(row.attachment_id for row in erased)], customer_id=customer_id)
