"""Saves a store's settings: every save is a new version."""

from datetime import datetime

from services.orders.addresses.postal import known_country
from services.orders.commands.numbers import numbers_given, start_series
from services.orders.queries.settings import settings_of
from services.orders.requests.settings import OrderSettingsInput
from services.orders.rules.numbers import may_start
from services.orders.rules.settings import known_time_zone
from services.orders.state import StoreSettings
from services.orders.tables import settings
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import expect_version
from shared.contracts.events import By, StoreSettingsChanged
from shared.data.db import Transaction
from shared.data.settings_versions import save_version
from shared.messaging.outbox import emit


async def save_settings(
    tx: Transaction, actor: Actor, request: OrderSettingsInput, *, now: datetime, expected_version: int, dry_run: bool = False
) -> StoreSettings:
    """Save a new version, in force from now on. A `next_number` other than before starts the series, except in a dry run, which could not
    undo that.

    Raises Forbidden, VersionConflict (saved by someone else meanwhile), Invalid, Refused `number_behind`.
    """
    shop_only(actor).or_raise()
    known_time_zone(request.time_zone)
    if request.country is not None:
        known_country(request.country, "/country")
    before = await settings_of(tx, actor.store)
    expect_version(before.version, expected_version)
    given, start = before.numbers_given, request.next_number
    if start is not None and start != before.next_number:
        given = max(given, await numbers_given(tx, actor.store))
        may_start(start, given).or_raise()
    values = request.model_dump() | {"numbers_given": given}
    saved = await save_version(tx, settings, StoreSettings, actor, values, expected_version=expected_version, now=now)
    event = StoreSettingsChanged(occurred_at=now, version=saved.version, time_zone=saved.time_zone, by=By.of(actor))
    await emit(tx, event, store_id=actor.store, sequence=saved.version, recorded_at=now)
    if start is not None and start != before.next_number and not dry_run:
        await start_series(tx, actor.store, start)
    return saved
