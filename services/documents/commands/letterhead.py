"""The store's document settings: saved whole, as a new version; documents keep the version that they were issued under."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.documents import queries
from services.documents.rules.access import shop_only
from services.documents.rules.settings import may_name_series
from services.documents.state import Letterhead, Office
from services.documents.tables import logos, series, settings, stores
from shared.contracts.actor import Actor
from shared.contracts.errors import VersionConflict
from shared.data.db import Transaction


async def save_settings(
    tx: Transaction, actor: Actor, letterhead: Letterhead, prefixes: dict[str, str], *, expected_version: int, now: datetime
) -> Office:
    """Save a new version over `expected_version`; the logo stays as it is.

    A series that has begun keeps its name for its year. Raises Forbidden, VersionConflict, Refused (see rules.settings).
    """
    office = await _locked(tx, actor, expected_version)
    used = [
        (row.kind, row.prefix) for row in await tx.all(sa.select(series.c.kind, series.c.prefix).where(series.c.store_id == actor.store))
    ]
    may_name_series(prefixes, used).or_raise()
    fresh = letterhead.model_copy(update={"version": office.version + 1, "logo_sha256": office.letterhead.logo_sha256})
    return await _save(tx, actor, replace(office, version=office.version + 1, letterhead=fresh, prefixes=prefixes), now)


async def save_logo(tx: Transaction, actor: Actor, logo: tuple[str, bytes] | None, *, expected_version: int, now: datetime) -> Office:
    """Set the logo (its SHA-256 and the cleaned PNG), or none. A replaced logo is kept: issued documents show it."""
    office = await _locked(tx, actor, expected_version)
    digest = None
    if logo is not None:
        digest, png = logo
        await tx.execute(insert(logos).values(store_id=actor.store, sha256=digest, png=png, saved_at=now).on_conflict_do_nothing())
    fresh = office.letterhead.model_copy(update={"version": office.version + 1, "logo_sha256": digest})
    return await _save(tx, actor, replace(office, version=office.version + 1, letterhead=fresh), now)


async def _locked(tx: Transaction, actor: Actor, expected_version: int) -> Office:
    """The settings as they are, nobody else saving; the row is made if the store never had one."""
    shop_only(actor)
    await tx.execute(insert(stores).values(store_id=actor.store).on_conflict_do_nothing())
    office = await queries.office(tx, actor.store, lock=True)
    if office.version != expected_version:
        raise VersionConflict(office.version)
    return office


async def _save(tx: Transaction, actor: Actor, office: Office, now: datetime) -> Office:
    """Write `office` as its version and make it the current one."""
    values = {
        "letterhead": office.letterhead.model_dump(mode="json"),
        "prefixes": office.prefixes,
        "saved_at": now,
        "saved_by": f"{actor.role}:{actor.id}",
    }
    await tx.execute(sa.insert(settings).values(store_id=actor.store, version=office.version, **values))
    await tx.execute(sa.update(stores).where(stores.c.store_id == actor.store).values(settings_version=office.version))
    return office
