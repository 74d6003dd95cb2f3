"""Saves a store's refund settings as a new version, in force from now or from a later day."""

from datetime import datetime

from services.refunds.requests import RefundPolicyInput
from services.refunds.rules.policy import content_of
from services.refunds.state import Policy
from services.refunds.tables import settings
from shared.contracts.actor import Actor, shop_only
from shared.contracts.events import By, RefundPolicyChanged
from shared.data.db import Transaction
from shared.data.settings_versions import save_version
from shared.messaging.outbox import emit


async def save_policy(tx: Transaction, actor: Actor, wanted: RefundPolicyInput, *, now: datetime, expected_version: int) -> Policy:
    """Save the next version; refunds requested earlier keep theirs.

    Raises Forbidden `shop_only`, VersionConflict, Refused `policy_in_the_past`.
    """
    shop_only(actor).or_raise()
    content = content_of(wanted, now=now)
    saved = await save_version(tx, settings, Policy, actor, content, expected_version=expected_version, now=now)
    event = RefundPolicyChanged.like(saved, occurred_at=now, by=By.of(actor))
    await emit(tx, event, store_id=actor.store, sequence=saved.version, recorded_at=now)
    return saved
