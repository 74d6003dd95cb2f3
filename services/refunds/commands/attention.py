"""What a person must look at: opened once by what happened, closed by staff with a note."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from services.refunds.state import Ledger, by
from services.refunds.tables import attention
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden, NotFound, Refused
from shared.contracts.ids import new_id
from shared.data.db import Transaction


@dataclass(frozen=True, slots=True)
class Matter:
    """What is to be looked at: `key` is what opened it, so it opens once."""

    kind: Literal["settled_twice", "failed_after_settled", "approved_above_collected"]
    key: str
    order_id: str
    facts: dict[str, Any]
    refund_id: str | None = None


async def approved_above_collected(tx: Transaction, actor: Actor, ledger: Ledger, now: datetime) -> None:
    """A later reversal cannot undo an approval: somebody must look. Opens once per reversal."""
    reversals = [payment for payment in ledger.order.payments if payment.amount < 0]
    if reversals:
        last = max(reversals, key=lambda payment: payment.order_version)
        facts = {"approved": ledger.approved, "collected": ledger.order.collected, "currency": ledger.order.currency}
        await open_matter(tx, actor, Matter("approved_above_collected", last.payment_id, ledger.order.order_id, facts), now)


async def open_matter(tx: Transaction, actor: Actor, matter: Matter, now: datetime) -> None:
    """Open it, unless it was opened before."""
    row = {"store_id": actor.store, "attention_id": new_id("attention"), "opened_at": now, **asdict(matter)}
    await tx.execute(insert(attention).values(**row).on_conflict_do_nothing(index_elements=["store_id", "kind", "key"]))


async def close(tx: Transaction, actor: Actor, attention_id: str, note: str, now: datetime) -> Row[Any]:
    """Close one with a note. Raises Forbidden `staff_only`, NotFound, Refused `already_closed`."""
    if not actor.is_shop:
        raise Forbidden("staff_only", "Only the shop may do this.")
    mine = (attention.c.store_id == actor.store) & (attention.c.attention_id == attention_id)
    row = await tx.first(sa.select(attention).where(mine).with_for_update())
    if row is None:
        raise NotFound(detail="Nothing of your store has this id.")
    if row.closed_at is not None:
        raise Refused("already_closed", "Somebody has closed this already.", closed_at=row.closed_at.isoformat())
    values = {"closed_at": now, "closed_by": by(actor).model_dump(), "note": note}
    closed = await tx.first(sa.update(attention).where(mine).values(**values).returning(attention))
    assert closed is not None  # we hold its lock
    return closed
