"""What belongs to one refund beside its row: files and reports."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.tables import attachments, settlements
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.data.db import Transaction


async def files_of(tx: Transaction, actor: Actor, refund_id: str) -> Sequence[Row[Any]]:
    """The files of a refund that the caller was shown already (queries.refunds.refund_for)."""
    mine = (attachments.c.store_id == actor.store, attachments.c.refund_id == refund_id, attachments.c.erased_at.is_(None))
    return await tx.all(sa.select(attachments).where(*mine).order_by(attachments.c.attachment_id))


async def file_for(tx: Transaction, actor: Actor, attachment_id: str) -> Row[Any]:
    """A file that the actor may see: the shop's, or their own. Raises NotFound."""
    a = attachments.c
    mine = (a.store_id == actor.store, a.attachment_id == attachment_id, a.erased_at.is_(None))
    own = sa.true() if actor.is_shop else sa.and_(a.customer_id == actor.id, sa.literal(actor.role == "customer"))
    row = await tx.first(sa.select(attachments).where(*mine, own))
    if row is None:
        raise NotFound(detail="No file of yours has this id.")
    return row


async def reports_of(tx: Transaction, actor: Actor, refund_id: str) -> Sequence[Row[Any]]:
    """What the outside reported about the money: for the shop alone."""
    if not actor.is_shop:
        return []
    mine = (settlements.c.store_id == actor.store, settlements.c.refund_id == refund_id)
    return await tx.all(sa.select(settlements).where(*mine).order_by(settlements.c.number))
