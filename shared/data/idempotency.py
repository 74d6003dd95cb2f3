"""Idempotency-Key: the response of a successful call is stored in the call's own transaction and replayed byte for byte.

Same key and body: the stored status and body, marked as replayed. Still running: 409. Another body: 422. A refusal stores nothing, so
that the same key can be tried again. Each caller has its own keys.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.contracts.actor import Actor
from shared.contracts.errors import Busy, Failure, Invalid
from shared.data.db import Transaction

MAX_KEY_CHARACTERS = 255
VIA = " via "


class Overtaken(Exception):  # noqa: N818  (not an error: the same call finished first)
    """The same call committed while this one was running: this one rolls back and looks again."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """One call's key, which belongs to a caller in a store, and a hash of the request."""

    store_id: str
    caller: str
    key: str
    request_hash: bytes

    @classmethod
    def of(cls, actor: Actor, key: str, method: str, target: str, body: bytes) -> "Reservation":
        """What `actor` reserves by calling `method target` with `body` (for an upload: its digest)."""
        digest = hashlib.sha256(b"\n".join((method.encode(), target.encode(), body))).digest()
        return cls(actor.store, caller_text(actor), key, digest)

    @property
    def lock(self) -> int:
        """The advisory lock that a running call holds: 64 bits, so that two keys do not collide by chance."""
        text = f"{self.store_id}\n{self.caller}\n{self.key}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def caller_text(actor: Actor) -> str:
    """The caller, as the key's owner. Two different role, id and via never give the same text, even if an id contains " via "."""
    direct = f"{actor.role}:{actor.id}"
    if actor.via is None:
        return f"{direct}{VIA}" if VIA in direct else direct
    return f"{direct}{VIA}{quote(actor.via, safe=':')}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A successful response: status, body, ETag."""

    status: int
    body: str  # without the secrets that the first response held: those are null
    etag: str | None = None
    recorded_at: datetime | None = None  # only of a response that was stored earlier


async def look_up(tx: Transaction, reservation: Reservation) -> Stored | None:
    """The response stored under this key, or None, in which case the key is reserved until the transaction ends.

    Raises Busy while another call with this key is running, Invalid `idempotency_key_reused` if the key was used for another request.
    """
    table = tx.kernel.idempotency
    lock = sa.select(sa.func.pg_try_advisory_xact_lock(reservation.lock).label("got")).cte("lock")
    row = await tx.first(
        sa.select(lock.c.got, table.c.request_hash, table.c.status, table.c.body, table.c.etag, table.c.recorded_at).select_from(
            lock.outerjoin(table, _mine(table, reservation))
        )
    )
    return _stored(reservation, row)  # there is one: an outer join from one row


async def look_up_each(tx: Transaction, reservations: Sequence[Reservation]) -> list[Stored | Failure | None]:
    """look_up() for several calls of one caller, in one statement: what each raises stands in its place."""
    table = tx.kernel.idempotency
    keys = sa.bindparam("keys", [one.key for one in reservations], type_=sa.ARRAY(sa.Text))
    locks = sa.bindparam("locks", [one.lock for one in reservations], type_=sa.ARRAY(sa.BigInteger))
    columns = sa.column("key", sa.Text), sa.column("lock", sa.BigInteger)
    asked = sa.func.unnest(keys, locks).table_valued(*columns, with_ordinality="n", name="asked").render_derived()
    # Materialized, so that each is locked once and in the given order, whatever is joined.
    lock = sa.func.pg_try_advisory_xact_lock(asked.c.lock).label("got")
    locked = sa.select(asked.c.n, asked.c.key, lock).order_by(asked.c.n).cte("locked").prefix_with("materialized")
    of_caller = (table.c.store_id == reservations[0].store_id) & (table.c.caller == reservations[0].caller)
    found = sa.select(locked.c.got, table.c.request_hash, table.c.status, table.c.body, table.c.etag, table.c.recorded_at)
    rows = await tx.all(found.select_from(locked.outerjoin(table, of_caller & (table.c.key == locked.c.key))).order_by(locked.c.n))
    return [_looked_up(reservation, row) for reservation, row in zip(reservations, rows, strict=True)]


def _looked_up(reservation: Reservation, row: Any) -> Stored | Failure | None:
    try:
        return _stored(reservation, row)
    except Failure as failure:
        return failure


def _stored(reservation: Reservation, row: Any) -> Stored | None:
    if row.status is None:
        if not row.got:
            raise Busy(detail="A call with this Idempotency-Key is still running: retry in a moment.", retry_after_seconds=1)
        return None
    return replace(answer(reservation, row), recorded_at=row.recorded_at)


def answer(reservation: Reservation, row: Any) -> Stored:
    """The stored response in `row`. Raises Invalid `idempotency_key_reused` if it answers another request."""
    if bytes(row.request_hash) != reservation.request_hash:
        raise Invalid("idempotency_key_reused", "This Idempotency-Key was used for another request: use a new one.")
    return Stored(row.status, row.body, row.etag)


async def find(tx: Transaction, reservation: Reservation) -> Stored | None:
    """The response stored under this key, without reserving it: for one-statement writes that met a conflict."""
    row = await tx.first(sa.select(tx.kernel.idempotency).where(_mine(tx.kernel.idempotency, reservation)))
    return None if row is None else replace(answer(reservation, row), recorded_at=row.recorded_at)


async def store(tx: Transaction, reservation: Reservation, stored: Stored, *, now: datetime) -> None:
    """Store the response in the transaction of the effect. Raises Overtaken if the same call has committed in the meantime."""
    done = await tx.execute(insert(tx.kernel.idempotency).values(**stored_row(reservation, stored, now=now)).on_conflict_do_nothing())
    if done.rowcount == 0:
        raise Overtaken


async def store_each(tx: Transaction, several: Sequence[tuple[Reservation, Stored]], *, now: datetime) -> None:
    """Store several responses in one round trip, or none. Raises IntegrityError where store() raises Overtaken."""
    await tx.execute(sa.insert(tx.kernel.idempotency), [stored_row(*one, now=now) for one in several])


def stored_row(reservation: Reservation, stored: Stored, *, now: datetime) -> dict[str, Any]:
    """The row of a stored response, for store() and for statements that insert it in a CTE beside the change."""
    return {
        "store_id": reservation.store_id,
        "caller": reservation.caller,
        "key": reservation.key,
        "request_hash": reservation.request_hash,
        "status": stored.status,
        "etag": stored.etag,
        "body": stored.body,
        "recorded_at": now,
    }


def _mine(table: sa.Table, reservation: Reservation) -> sa.ColumnElement[bool]:
    return (table.c.store_id == reservation.store_id) & (table.c.caller == reservation.caller) & (table.c.key == reservation.key)
