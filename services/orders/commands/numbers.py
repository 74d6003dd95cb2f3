"""The series of a store's order numbers: a sequence, so that placing does not queue on a row (docs/decisions/0102-order-numbers.md)."""

import sqlalchemy as sa

from shared.data.db import Transaction

LOCK = sa.text("select pg_advisory_xact_lock(hashtextextended('orders.numbers:' || :store, 0))")
NAME = sa.text("select 'orders.numbers_' || md5(:store)")
GIVEN = sa.text("select case when is_called then last_value end from pg_get_sequence_data(to_regclass(:series))")
START = sa.text("select setval(to_regclass(:series), :number, false)")
FIRST_NUMBER = 1001


async def make_series(tx: Transaction, store_id: str) -> str:
    """The store's sequence, made if there is none. It stays locked until the transaction ends: two calls make only one."""
    await tx.execute(LOCK, {"store": store_id})
    sequence = str(await tx.scalar(NAME, {"store": store_id}))
    await tx.execute(sa.text(f"create sequence if not exists {sequence} start {FIRST_NUMBER}"))
    return sequence


async def numbers_given(tx: Transaction, store_id: str) -> int:
    """The highest number that the series gave since it was last started, 0 if none. It stays locked until the transaction ends."""
    return await tx.scalar(GIVEN, {"series": await make_series(tx, store_id)}) or 0


async def start_series(tx: Transaction, store_id: str, number: int) -> None:
    """Let the store's next order have `number`. Not undone by a rollback: call it last."""
    await tx.execute(START, {"series": await tx.scalar(NAME, {"store": store_id}), "number": number})
