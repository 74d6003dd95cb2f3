"""A store changes its refund settings: a new version, from now or from a later day on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.queries.policies import newest
from services.refunds.rules.policy import DEFAULT_POLICY
from services.refunds.state import by
from services.refunds.tables import policies
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden, Refused, VersionConflict
from shared.contracts.events import RefundPolicyChanged
from shared.data.db import Transaction
from shared.messaging.outbox import emit


@dataclass(frozen=True, slots=True)
class Settings:
    """What a version says; `valid_from` None is the moment of saving."""

    manage_stock: bool
    attachments: bool
    deduct_shipping: bool
    window_days: int | None
    reasons: tuple[str, ...]
    overdue_after_hours: int
    valid_from: datetime | None = None


async def save_policy(tx: Transaction, actor: Actor, settings: Settings, *, now: datetime, expected_version: int) -> Row[Any]:
    """Save the next version; refunds that were requested before keep theirs.

    Raises Forbidden `staff_only`, VersionConflict, Refused `policy_in_the_past`.
    """
    if not actor.is_shop:
        raise Forbidden("staff_only", "Refund settings are the shop's.")
    valid_from = settings.valid_from or now
    if valid_from < now:
        raise Refused("policy_in_the_past", "Settings apply from the moment of saving, or later.", now=now.isoformat())
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"refunds.policy:{actor.store}", 0))))
    before = await newest(tx, actor.store)
    current = before.version if before else DEFAULT_POLICY.version
    if current != expected_version:
        raise VersionConflict(current)
    row = {
        "store_id": actor.store, "version": current + 1, "valid_from": valid_from, "manage_stock": settings.manage_stock,
        "attachments": settings.attachments, "deduct_shipping": settings.deduct_shipping, "window_days": settings.window_days,
        "reasons": list(settings.reasons), "overdue_after_hours": settings.overdue_after_hours,
        "changed_by": by(actor).model_dump(), "changed_at": now,
    }  # fmt: skip
    saved = await tx.first(sa.insert(policies).values(**row).returning(policies))
    assert saved is not None
    event = RefundPolicyChanged(
        occurred_at=now, version=saved.version, valid_from=valid_from, manage_stock=saved.manage_stock, attachments=saved.attachments,
        deduct_shipping=saved.deduct_shipping, by=by(actor),
    )  # fmt: skip
    await emit(tx, event, store_id=actor.store, sequence=saved.version, recorded_at=now)
    return saved
