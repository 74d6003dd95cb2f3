"""The part of an erasure that is the same in every service: the kernel's tables keep ids and facts but no personal data."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by

from shared.contracts.personal import ITEMS, KEPT, WRITTEN, without_personal
from shared.data.db import Transaction
from shared.data.idempotency import VIA
from shared.data.schema import UNKNOWN_STORE

ERASED_ANSWER = '{"erased":true}'


async def forget(tx: Transaction, store_id: str, subjects: Sequence[str], *, customer_id: str | None = None) -> None:
    """Blank personal data about these subjects (order ids) in events, failed messages and stored responses, in the caller's transaction.

    Events, also those not yet sent, and failed messages lose personal data and free text only, so that they can still be replayed.
    A stored response that names a subject, or that was given to the customer, is replaced as a whole: its row stays, so that its
    Idempotency-Key still counts as used.
    """
    named = [*subjects] if customer_id is None else [*subjects, f"{store_id} customer:{customer_id}"]
    await tx.execute(blank_answers(tx.kernel.idempotency, store_id, named))
    if subjects:
        await _forget_events(tx, store_id, subjects)
        await _forget_failed_messages(tx, store_id, subjects)


async def withhold_answers(tx: Transaction, orders: sa.Table, store_id: str, order_id: str) -> None:
    """Blank what was answered about an order to customers who are not, or no longer, its customer: a replay would show it to them.

    `orders` is the service's own table that says whose each order is.
    """
    answers = tx.kernel.idempotency
    asked = sa.func.regexp_replace(answers.c.caller, f"{VIA}[^ ]*$", "")  # without the platform through which a customer called
    mine = (orders.c.store_id == store_id) & (orders.c.order_id == order_id)
    present = sa.select("customer:" + orders.c.customer_id).where(mine).scalar_subquery()
    await tx.execute(blank_answers(answers, store_id, [order_id]).where(answers.c.caller.startswith("customer:"), asked != present))


def blank_answers(idempotency: sa.Table, store_id: str, named: Sequence[str]) -> sa.Update:
    """The statement that blanks every stored response about one of these subjects, found by the index (kernel_versions/v2.py)."""
    about = idempotency.c.subjects.overlap(sa.cast(list(named), ARRAY(sa.Text)))
    there = (idempotency.c.store_id == store_id) & (idempotency.c.body != ERASED_ANSWER)
    return sa.update(idempotency).where(about, there).values(body=ERASED_ANSWER)


async def _forget_events(tx: Transaction, store_id: str, subjects: Sequence[str]) -> None:
    events = tx.kernel.events
    theirs = (events.c.store_id == store_id) & events.c.subject.in_(subjects)
    for path, blank in WRITTEN:
        there = sa.func.jsonb_extract_path(events.c.data, *path, type_=JSONB)
        said = there.not_in([_json(kept) for kept in KEPT])
        data = sa.func.jsonb_set(events.c.data, sa.literal(list(path), sa.ARRAY(sa.Text)), _json(blank), type_=JSONB)
        await tx.execute(sa.update(events).where(theirs, said).values(data=data))
    for path, blanks in ITEMS:
        there = sa.func.jsonb_extract_path(events.c.data, *path, type_=JSONB)
        item = (
            sa.func.jsonb_array_elements(there).table_valued(sa.column("value", JSONB), with_ordinality="n", name="item").render_derived()
        )
        blanked = sa.func.jsonb_agg(aggregate_order_by(item.c.value.concat(_json(blanks)), item.c.n), type_=JSONB)
        items = sa.select(blanked).correlate(events).scalar_subquery()
        data = sa.func.jsonb_set(events.c.data, sa.literal(list(path), sa.ARRAY(sa.Text)), items, type_=JSONB)
        await tx.execute(sa.update(events).where(theirs, sa.func.jsonb_typeof(there) == "array", there != _json([])).values(data=data))


def _json(value: Any) -> sa.ColumnElement[Any]:
    """A value as a jsonb literal: None becomes JSON's null, not SQL's."""
    return sa.cast(sa.literal(json.dumps(value), sa.Text), JSONB)


async def _forget_failed_messages(tx: Transaction, store_id: str, subjects: Sequence[str]) -> None:
    parked = tx.kernel.parked
    known = parked.c.store_id.in_((store_id, UNKNOWN_STORE))  # the store of an unreadable message is not known
    for row in await tx.all(sa.select(parked.c.store_id, parked.c.parked_id, parked.c.body).where(known).with_for_update()):
        body = _blanked(bytes(row.body), store_id, subjects)
        if body is not None:
            mine = (parked.c.store_id == row.store_id) & (parked.c.parked_id == row.parked_id)
            await tx.execute(sa.update(parked).where(mine).values(body=body, detail=""))


def _blanked(body: bytes, store_id: str, subjects: Sequence[str]) -> bytes | None:
    """A message about one of `subjects` without its personal data; None for any other message.

    Nobody can tell where personal data is in a message that is not an event: if it names a subject anywhere, all of it is replaced.
    """
    try:
        message: Any = json.loads(body)
        if message["storeid"] != store_id or message["subject"].removesuffix(":private") not in subjects:
            return None
        message["data"] = without_personal(message["data"])
        return json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        named = any(subject.encode() in body for subject in subjects)
        return ERASED_ANSWER.encode() if named else None
