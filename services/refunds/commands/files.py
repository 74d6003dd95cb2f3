"""Files that customers give with a request."""

from collections.abc import Sequence

import sqlalchemy as sa

from services.refunds.models import attachments
from services.refunds.state import Refund
from shared.actor import Actor
from shared.db import Transaction
from shared.errors import Refused


async def take(tx: Transaction, actor: Actor, attachment_ids: Sequence[str], refund: Refund) -> None:
    """Give uploads of the refund's customer to the refund. Raises Refused `attachment_not_found` unless all are free and theirs."""
    if not attachment_ids:
        return
    free = (
        attachments.c.store_id == actor.store,
        attachments.c.attachment_id.in_(attachment_ids),
        attachments.c.customer_id == refund.customer_id,
        attachments.c.refund_id.is_(None),
    )
    taken = await tx.execute(sa.update(attachments).where(*free).values(refund_id=refund.refund_id))
    if taken.rowcount != len(set(attachment_ids)):
        raise Refused("attachment_not_found", "Upload the files first, as this customer; each can be used once.")
