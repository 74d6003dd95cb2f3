"""Items that need a person's attention: opened once per cause, closed by staff with a note."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.refunds.requests import CloseAttention
from services.refunds.state import Attention, AttentionKind, Ledger, Refund
from services.refunds.tables import attention
from shared.contracts.actor import Actor, shop_only, system
from shared.contracts.errors import Refused
from shared.contracts.events import By
from shared.contracts.ids import new_id
from shared.data.columns import columns_of
from shared.data.db import Transaction


async def approved_above_collected(tx: Transaction, actor: Actor, ledger: Ledger, *, now: datetime) -> None:
    """Open an item, once per reversal: a payment's reversal cannot undo an approval, so a person must look."""
    reversals = [payment for payment in ledger.order.payments if payment.amount < 0]
    if reversals:
        last = max(reversals, key=lambda payment: payment.order_version)
        facts = {"approved": ledger.approved, "collected": ledger.order.collected, "currency": ledger.order.currency}
        await open_attention(
            tx, actor, "approved_above_collected", key=last.payment_id, order_id=ledger.order.order_id, facts=facts, now=now
        )


async def pay_to_missing(tx: Transaction, store_id: str, refund: Refund, *, now: datetime) -> None:
    """Open an item for an approved refund whose money can go nowhere."""
    facts = {"amount": refund.amount, "currency": refund.currency}
    await open_attention(
        tx, system(store_id, "refunds"), "pay_to_missing", key=refund.refund_id, order_id=refund.order_id, refund_id=refund.refund_id,
        facts=facts, now=now,
    )  # fmt: skip


async def pay_to_known(tx: Transaction, actor: Actor, refund_id: str, *, now: datetime) -> None:
    """Close the item of a refund of which nobody knew where its money can go, if it is open."""
    mine = (attention.c.store_id == actor.store, attention.c.kind == "pay_to_missing", attention.c.key == refund_id)
    values = {"closed_at": now, "closed_by": By.of(actor).model_dump()}
    await tx.execute(sa.update(attention).where(*mine, attention.c.closed_at.is_(None)).values(**values))


async def open_attention(
    tx: Transaction,
    actor: Actor,
    kind: AttentionKind,
    *,
    key: str,
    order_id: str,
    facts: dict[str, Any],
    refund_id: str | None = None,
    now: datetime,
) -> None:
    """Open an item, unless one of its kind and `key` was opened before."""
    item = Attention(
        attention_id=new_id("attention"), kind=kind, key=key, order_id=order_id, refund_id=refund_id, facts=facts, opened_at=now
    )
    row = {"store_id": actor.store, **asdict(item)}
    await tx.execute(insert(attention).values(**row).on_conflict_do_nothing(index_elements=["store_id", "kind", "key"]))


async def close_attention(tx: Transaction, actor: Actor, attention_id: str, closing: CloseAttention, *, now: datetime) -> Attention:
    """Close an item with a note. Raises Forbidden `shop_only`, NotFound, Refused `already_closed`."""
    shop_only(actor).or_raise()
    mine = (attention.c.store_id == actor.store) & (attention.c.attention_id == attention_id)
    row = await tx.found(sa.select(attention.c.closed_at).where(mine).with_for_update(), "No such item in this store.")
    if row.closed_at is not None:
        raise Refused("already_closed", "This item is already closed.", closed_at=row.closed_at.isoformat())
    values = {"closed_at": now, "closed_by": By.of(actor).model_dump(), "note": closing.note}
    closed = await tx.execute(sa.update(attention).where(mine).values(**values).returning(*columns_of(attention, Attention)))
    return Attention(**closed.one()._mapping)
