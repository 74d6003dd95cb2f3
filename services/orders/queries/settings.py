"""A store's settings: the newest version is in force."""

from functools import partial

from services.orders.state import SavedSettings, StoreSettings
from services.orders.tables import settings
from shared.data.db import Transaction
from shared.data.settings_versions import newest
from shared.web.settings_history import versions

settings_versions = partial(versions, settings, SavedSettings)


async def settings_of(tx: Transaction, store_id: str) -> StoreSettings:
    """The settings in force; the defaults (version 0) if none were ever saved."""
    return await newest(tx, settings, StoreSettings(), store_id)
