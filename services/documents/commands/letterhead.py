"""Saves the store's document settings, complete, as a new version. Issued documents keep the version that they were issued under."""

from dataclasses import asdict, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.documents import queries
from services.documents.commands.turns import saving_turn
from services.documents.rendering.catalogues import catalogue
from services.documents.requests import DocumentSettingsInput
from services.documents.rules.modes import changed, may_start, said_modes
from services.documents.rules.series import issuing_day
from services.documents.rules.settings import check_labels, letterhead_of, may_name_series
from services.documents.state import Office, SavedSettings
from services.documents.state.issuing import Modes, Start
from services.documents.tables import logos, modes, series, settings
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import expect_version
from shared.data.db import Transaction
from shared.data.settings_versions import save_version


async def save_settings(tx: Transaction, actor: Actor, request: DocumentSettingsInput, *, expected_version: int, now: datetime) -> Office:
    """Save a new version over `expected_version`; the logo stays as it is.

    A series that has begun keeps its name, and its first number, for its year. Modes are in force from the moment of saving, or from a
    later day; settings that do not say them return to issuing here.
    Raises Forbidden, VersionConflict, Refused, Invalid (see rules.settings, rules.modes).
    """
    shop_only(actor).or_raise()
    check_labels(request.labels, catalogue("en").label)
    now = await saving_turn(tx, actor.store, now=now)
    office, prefixes = await queries.office(tx, actor.store), request.prefixes.model_dump()
    expect_version(office.version, expected_version)  # first: the prefixes are judged against settings that the caller has seen
    begun = await tx.all(sa.select(series).where(series.c.store_id == actor.store))
    may_name_series(prefixes, [(row.kind, row.prefix) for row in begun]).or_raise()
    year = issuing_day(now, office.time_zone).year
    may_start(request.start, [(row.kind, row.first) for row in begun if row.year == year], year).or_raise()
    issue = said_modes(request.issue)
    wanted = replace(
        office,
        letterhead=letterhead_of(request, logo_sha256=office.letterhead.logo_sha256),
        prefixes=prefixes,
        slip_shows_due=request.slip_shows_due,
        issue=issue,
        modes=changed(office.modes, issue, office.time_zone, expected_version + 1, now=now),
        starts={kind: Start(year=year, first=first) for kind, first in request.start.items()},
    )
    saved = await _save(tx, actor, wanted, expected_version, now=now)
    await _save_modes(tx, actor.store, office.modes, saved.modes, now=now)
    return saved


async def _save_modes(tx: Transaction, store_id: str, before: Modes, after: Modes, *, now: datetime) -> None:
    """Take back what was only planned, and add what is new."""
    if after == before:
        return
    await tx.execute(sa.delete(modes).where(modes.c.store_id == store_id, modes.c.since > now))
    new = [{"store_id": store_id, **asdict(one)} for one in after.changes if one.since > now or one not in before.changes]
    if new:
        await tx.execute(sa.insert(modes).values(new))


async def save_logo(tx: Transaction, actor: Actor, logo: tuple[str, bytes] | None, *, expected_version: int, now: datetime) -> Office:
    """Set the logo (its SHA-256 and the cleaned PNG), or none. A replaced logo stays stored: issued documents show it.

    Raises Forbidden, VersionConflict.
    """
    shop_only(actor).or_raise()
    now = await saving_turn(tx, actor.store, now=now)
    office, digest = await queries.office(tx, actor.store), None
    if logo is not None:
        digest, png = logo
        await tx.execute(insert(logos).values(store_id=actor.store, sha256=digest, png=png, saved_at=now).on_conflict_do_nothing())
    letterhead = office.letterhead.model_copy(update={"logo_sha256": digest})
    return await _save(tx, actor, replace(office, letterhead=letterhead), expected_version, now=now)


async def _save(tx: Transaction, actor: Actor, office: Office, expected_version: int, *, now: datetime) -> Office:
    """Save `office` as the version after `expected_version`; its letterhead carries that version number."""
    letterhead = office.letterhead.model_copy(update={"version": expected_version + 1})
    values = {
        "letterhead": letterhead.model_dump(mode="json"),
        "prefixes": office.prefixes,
        "slip_shows_due": office.slip_shows_due,
        "issue": {kind: said.model_dump(mode="json") for kind, said in office.issue.items()},
        "starts": {kind: start.model_dump(mode="json") for kind, start in office.starts.items()},
    }
    saved = await save_version(tx, settings, SavedSettings, actor, values, expected_version=expected_version, now=now)
    return replace(office, version=saved.version, letterhead=letterhead)
