"""A store's settings: every save is a new version."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from services.orders.commands.change import by
from services.orders.queries.settings import settings_of
from services.orders.requests.settings import OrderSettingsInput
from services.orders.rules.settings import StoreSettings, known_time_zone
from services.orders.tables import settings
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import VersionConflict
from shared.contracts.events import StoreSettingsChanged
from shared.data.db import Transaction
from shared.messaging.outbox import emit


async def save_settings(
    tx: Transaction, actor: Actor, request: OrderSettingsInput, *, now: datetime, expected_version: int
) -> StoreSettings:
    """Save a new version, in force from now on. Raises Forbidden, VersionConflict (somebody saved meanwhile), Invalid."""
    shop_only(actor).or_raise()
    known_time_zone(request.time_zone)
    current = await settings_of(tx, actor.store)
    if current.version != expected_version:
        raise VersionConflict(current.version)
    saved = StoreSettings(version=current.version + 1, **request.model_dump())
    row = {"store_id": actor.store, "version": saved.version, "by": by(actor).model_dump(), "recorded_at": now, **request.model_dump()}
    done = await tx.execute(insert(settings).values(**row).on_conflict_do_nothing())
    if done.rowcount == 0:
        raise VersionConflict((await settings_of(tx, actor.store)).version)
    event = StoreSettingsChanged(occurred_at=now, version=saved.version, time_zone=saved.time_zone, by=by(actor))
    await emit(tx, event, store_id=actor.store, sequence=saved.version, recorded_at=now)
    return saved
