"""A store changes its refund settings: a new version, from now or from a later day on."""

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from services.refunds.queries.policies import newest
from services.refunds.requests import RefundPolicyInput
from services.refunds.rules.policy import next_version
from services.refunds.state import Policy, by
from services.refunds.tables import policies
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import VersionConflict
from shared.contracts.events import RefundPolicyChanged
from shared.data.db import Transaction
from shared.messaging.outbox import emit


async def save_policy(tx: Transaction, actor: Actor, wanted: RefundPolicyInput, *, now: datetime, expected_version: int) -> Policy:
    """Save the next version; refunds that were requested before keep theirs.

    Raises Forbidden `shop_only`, VersionConflict, Refused `policy_in_the_past`.
    """
    shop_only(actor).or_raise()
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"refunds.policy:{actor.store}", 0))))
    before = await newest(tx, actor.store)
    if before.version != expected_version:
        raise VersionConflict(before.version)
    saved = next_version(before, wanted, by=by(actor), now=now)
    await tx.execute(sa.insert(policies).values(store_id=actor.store, **asdict(saved)))
    event = RefundPolicyChanged(
        occurred_at=now, version=saved.version, valid_from=saved.valid_from, manage_stock=saved.manage_stock,
        attachments=saved.attachments, deduct_shipping=saved.deduct_shipping, by=by(actor),
    )  # fmt: skip
    await emit(tx, event, store_id=actor.store, sequence=saved.version, recorded_at=now)
    return saved
