"""Issuing and saving of settings by turns: what is decided by the modes in force is committed before they change.

Without it a document could be issued, or left out, by a mode that had ended already at the time of its fact, for good.
"""

from datetime import datetime

import sqlalchemy as sa

from shared.data.db import Transaction

ISSUING = sa.text("select pg_advisory_xact_lock_shared(hashtextextended('documents.modes ' || :store, 0))")
# The clock is read once the lock is there: whatever was decided before is about an earlier moment.
SAVING = sa.text("""
with turn as materialized (select pg_advisory_xact_lock(hashtextextended('documents.modes ' || :store, 0)))
select clock_timestamp() as now from turn
""")


async def issuing_turn(tx: Transaction, store_id: str) -> None:
    """Until the commit, no other modes come into force. Before the modes are read, and after the copy of the order is locked."""
    await tx.execute(ISSUING, {"store": store_id})


async def saving_turn(tx: Transaction, store_id: str, *, now: datetime) -> datetime:
    """Until the commit, nothing is issued. Returns the moment from which the saved modes are in force: `now`, or a little later."""
    turn: datetime = await tx.scalar(SAVING, {"store": store_id})
    return max(now, turn)
