"""Loads a refund's files and settlement reports."""

import sqlalchemy as sa

from services.refunds.state import Attachment, SettlementReport
from services.refunds.tables import attachments, settlements
from shared.contracts.actor import Actor
from shared.data.columns import columns_of
from shared.data.db import Transaction


async def files_of(tx: Transaction, actor: Actor, refund_id: str) -> list[Attachment]:
    """The files of a refund. The caller has already checked with queries.refunds.refund_for that the actor may see it."""
    mine = (attachments.c.store_id == actor.store, attachments.c.refund_id == refund_id, attachments.c.erased_at.is_(None))
    files = sa.select(*columns_of(attachments, Attachment)).where(*mine).order_by(attachments.c.attachment_id)
    return [Attachment(**row._mapping) for row in await tx.all(files)]


async def file_for(tx: Transaction, actor: Actor, attachment_id: str) -> Attachment:
    """A file that the actor may see: the shop any of its store's, a customer only their own. Raises NotFound."""
    a = attachments.c
    mine = (a.store_id == actor.store, a.attachment_id == attachment_id, a.erased_at.is_(None))
    own = sa.true() if actor.is_shop else sa.and_(a.customer_id == actor.id, sa.literal(actor.role == "customer"))
    row = await tx.found(sa.select(*columns_of(attachments, Attachment)).where(*mine, own), "File not found.")
    return Attachment(**row._mapping)


async def reports_of(tx: Transaction, actor: Actor, refund_id: str) -> list[SettlementReport]:
    """The settlement reports of a refund, for the shop; an empty list for anyone else."""
    if not actor.is_shop:
        return []
    mine = (settlements.c.store_id == actor.store, settlements.c.refund_id == refund_id)
    reports = sa.select(*columns_of(settlements, SettlementReport)).where(*mine).order_by(settlements.c.number)
    return [SettlementReport(**row._mapping) for row in await tx.all(reports)]
