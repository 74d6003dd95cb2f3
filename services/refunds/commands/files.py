"""Files that customers attach to a request: they are uploaded first, then attached, and swept if no request uses them."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from services.refunds.files import store
from services.refunds.queries import policies
from services.refunds.settings import RefundsEnvironment
from services.refunds.state import Attachment, Refund
from services.refunds.tables import attachments
from shared.contracts.actor import Actor
from shared.contracts.errors import Refused
from shared.contracts.events import By
from shared.contracts.ids import is_id
from shared.data.db import Database, Transaction
from shared.process.settings import Settings

SWEEP_BATCH = 200


async def may_upload(tx: Transaction, actor: Actor, customer_id: str, unused_max: int, *, now: datetime) -> None:
    """Check that the customer may upload one more file. Raises Refused `attachments_off`, `too_many_attachments`."""
    policy = await policies.policy_at(tx, actor.store, at=now)
    if not policy.attachments:
        raise Refused("attachments_off", "This store does not accept files with a request: use the description instead.")
    mine = (attachments.c.store_id == actor.store, attachments.c.customer_id == customer_id, attachments.c.refund_id.is_(None))
    if await tx.scalar(sa.select(sa.func.count()).select_from(attachments).where(*mine)) >= unused_max:
        raise Refused("too_many_attachments", f"{unused_max} uploads are already waiting for a request: use them, or wait.")


async def add_upload(tx: Transaction, actor: Actor, file: Attachment, unused_max: int, *, now: datetime) -> None:
    """Insert the row of a stored file. Raises Refused as may_upload does; a lock makes concurrent uploads count each other."""
    mine = f"refunds.uploads:{actor.store}:{file.customer_id}"
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(mine, 0))))
    await may_upload(tx, actor, file.customer_id, unused_max, now=now)
    await tx.execute(sa.insert(attachments).values(store_id=actor.store, uploaded_by=By.of(actor).model_dump(), **asdict(file)))


async def take(tx: Transaction, actor: Actor, attachment_ids: Sequence[str], refund: Refund) -> None:
    """Attach uploads to the refund. Raises Refused `attachment_not_found` unless all are unused and belong to the refund's customer."""
    if not attachment_ids:
        return
    free = (
        attachments.c.store_id == actor.store,
        attachments.c.attachment_id.in_(attachment_ids),
        attachments.c.customer_id == refund.customer_id,
        attachments.c.refund_id.is_(None),
        attachments.c.erased_at.is_(None),
    )
    taken = await tx.execute(sa.update(attachments).where(*free).values(refund_id=refund.refund_id))
    if taken.rowcount != len(set(attachment_ids)):
        raise Refused("attachment_not_found", "Upload the files first, as this customer; each can be used once.")


async def sweep(database: Database, settings: Settings, *, now: datetime) -> int:
    """Delete files of erased customers, uploads that no request used in time, and stored files without a row.

    A file is deleted before its row, each row in its own transaction: if the sweep is interrupted, the next one continues with the rest.
    A file that cannot be deleted does not stop the others; its error is raised at the end.
    """
    assert isinstance(settings, RefundsEnvironment)
    files = store.store_of(settings)
    long_ago = now - timedelta(hours=settings.attachment_unused_hours)
    unwanted = attachments.c.erased_at.is_not(None) | (attachments.c.refund_id.is_(None) & (attachments.c.uploaded_at < long_ago))
    columns = (attachments.c.store_id, attachments.c.attachment_id)
    async with database.reading() as tx:
        rows = await tx.all(sa.select(*columns).where(unwanted).limit(SWEEP_BATCH))
    deleted = 0
    failed: BaseError | None = None
    for row in rows:
        mine = (attachments.c.store_id == row.store_id, attachments.c.attachment_id == row.attachment_id)
        try:
            async with database.transaction("refunds.sweep_files") as tx:
                if await tx.first(sa.select(*columns).where(*mine, unwanted).with_for_update(skip_locked=True)) is None:
                    continue  # a request used it meanwhile, or another sweep is deleting it
                await store.delete(files, store.key_of(row.store_id, row.attachment_id))
                await tx.execute(sa.delete(attachments).where(*mine))
            deleted += 1
        except BaseError as error:
            failed = error
    deleted += await _sweep_unknown(database, files, long_ago)
    if failed is not None:
        raise failed
    return deleted


async def _sweep_unknown(database: Database, files: ObjectStore, long_ago: datetime) -> int:
    """Delete stored files whose row was never written because the process died or the call was refused in between."""
    deleted = 0
    async for keys in store.older_than(files, long_ago):
        ids = {key: key.rsplit("/", 1)[-1] for key in keys}
        ours = [name for name in ids.values() if is_id("attachment", name)]
        async with database.reading() as tx:
            known = await tx.all(sa.select(attachments.c.attachment_id).where(attachments.c.attachment_id.in_(ours)))
        rows = {row.attachment_id for row in known}
        for key, attachment_id in ids.items():
            if attachment_id not in rows:
                await store.delete(files, key)
                deleted += 1
    return deleted


def digest(path: Path) -> str:
    """SHA-256 of a file, read in parts. Blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
