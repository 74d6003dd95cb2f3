"""What every service forgets the same way when a customer is erased: the kernel's own tables keep ids and facts, and nothing personal."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import Transaction

ERASED_ANSWER = '{"erased":true}'


async def forget(tx: Transaction, store_id: str, subjects: Sequence[str]) -> None:
    """Blank what history, failed messages and kept answers still hold of these subjects (order ids), in the caller's transaction.

    Events lose their `personal` section (also those not yet sent), failed messages likewise, so that they can still be replayed;
    a kept answer that names a subject is replaced, so that its key still stands for a call that was made.
    """
    if not subjects:
        return
    events, idempotency = tx.kernel.events, tx.kernel.idempotency
    blank = events.c.data.op("||", return_type=JSONB)(sa.cast({"personal": {}}, JSONB))
    personal = events.c.data.has_key("personal")
    await tx.execute(sa.update(events).where(events.c.store_id == store_id, events.c.subject.in_(subjects), personal).values(data=blank))
    named = sa.or_(*(idempotency.c.body.contains(subject, autoescape=True) for subject in subjects))
    await tx.execute(sa.update(idempotency).where(idempotency.c.store_id == store_id, named).values(body=ERASED_ANSWER))
    await _forget_failed_messages(tx, store_id, subjects)


async def _forget_failed_messages(tx: Transaction, store_id: str, subjects: Sequence[str]) -> None:
    parked = tx.kernel.parked
    wanted = sa.select(parked.c.parked_id, parked.c.body).where(parked.c.store_id == store_id).with_for_update()
    for row in await tx.all(wanted):
        body = _blanked(bytes(row.body), subjects)
        if body is not None:
            mine = (parked.c.store_id == store_id) & (parked.c.parked_id == row.parked_id)
            await tx.execute(sa.update(parked).where(mine).values(body=body))


def _blanked(body: bytes, subjects: Sequence[str]) -> bytes | None:
    """A message about one of `subjects` without its personal section; None for any other message."""
    try:
        message: Any = json.loads(body)
        if message["subject"] not in subjects or "personal" not in message["data"]:
            return None
        message["data"]["personal"] = {}
    except (ValueError, KeyError, TypeError):
        return None
    return json.dumps(message, ensure_ascii=False).encode()
