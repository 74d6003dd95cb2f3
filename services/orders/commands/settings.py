"""Saves a store's settings: every save is a new version."""

from datetime import datetime

from services.orders.requests.settings import OrderSettingsInput
from services.orders.rules.settings import known_time_zone
from services.orders.state import StoreSettings
from services.orders.tables import settings
from shared.contracts.actor import Actor, shop_only
from shared.contracts.events import By, StoreSettingsChanged
from shared.data.db import Transaction
from shared.data.settings_versions import save_version
from shared.messaging.outbox import emit


async def save_settings(
    tx: Transaction, actor: Actor, request: OrderSettingsInput, *, now: datetime, expected_version: int
) -> StoreSettings:
    """Save a new version, in force from now on. Raises Forbidden, VersionConflict (saved by someone else meanwhile), Invalid."""
    shop_only(actor).or_raise()
    known_time_zone(request.time_zone)
    saved = await save_version(tx, settings, StoreSettings, actor, request.model_dump(), expected_version=expected_version, now=now)
    event = StoreSettingsChanged(occurred_at=now, version=saved.version, time_zone=saved.time_zone, by=By.of(actor))
    await emit(tx, event, store_id=actor.store, sequence=saved.version, recorded_at=now)
    return saved
