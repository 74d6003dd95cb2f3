"""Reads and locking loaders. Every query on behalf of a caller takes the actor, so loading also authorises."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.documents.rules import PROBLEMS
from services.documents.rules.series import DEFAULT_PREFIXES
from services.documents.state import (
    Contents,
    Copy,
    Document,
    DocumentReference,
    Letterhead,
    Office,
    Requested,
    SavedSettings,
    Wanted,
)
from services.documents.state.issuing import ModeChange, Modes, SaidMode, Series, Start, Waiting
from services.documents.tables import documents, logos, modes, orders, refunds, renderings, requests, series, settings, stores, waiting
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.contracts.events import Order, OrderPersonal, Refund, RefundPersonal
from shared.data.columns import columns_of, own_rows
from shared.data.db import Transaction
from shared.data.set_aside import one_row
from shared.data.settings_versions import DEFAULT_VERSION, newest_version
from shared.web.pages import Key, Walked, walk
from shared.web.settings_history import versions

MANY_LINES = 200
"""An order with more lines is parsed in a thread: 2,000 lines take 50 ms, which would block the event loop."""

NEWEST = Key(documents.c.issued_on, documents.c.document_id, newest_first=True)
LONGEST = Key(waiting.c.since, waiting.c.subject_id)
OLDEST = Key(documents.c.issued_on, documents.c.document_id)

# A document is its order's present customer's, whoever it was issued to.
WITH_ORDERS = documents.join(orders, (orders.c.store_id == documents.c.store_id) & (orders.c.order_id == documents.c.order_id))
OF_DOCUMENT = (renderings.c.store_id == documents.c.store_id) & (renderings.c.document_id == documents.c.document_id)
ISSUED = [*(column for column in documents.c if column.name != "customer_id"), orders.c.customer_id, renderings.c.missing_glyphs]
WITH_RENDERINGS = WITH_ORDERS.join(renderings, OF_DOCUMENT)  # each document has one
_ISSUED = sa.select(*ISSUED).select_from(WITH_RENDERINGS)

settings_versions = partial(versions, settings, SavedSettings)

# Built once, used for every event: docs/decisions/0007-what-an-event-costs.md
_REFUNDS = sa.select(refunds.c.data).where(refunds.c.store_id == sa.bindparam("store"), refunds.c.order_id == sa.bindparam("order"))
_REFERENCES = sa.select(
    documents.c.cause, documents.c.subject_id, documents.c.document_id, documents.c.kind, documents.c.number, documents.c.issued_on
).where(documents.c.store_id == sa.bindparam("store"), documents.c.order_id == sa.bindparam("order"))


async def copy(tx: Transaction, store_id: str, order_id: str, *, lock: bool = False) -> Copy:
    """Our copy of an order, for consumers. Raises NotFound `order_not_here_yet`."""
    statement = sa.select(orders).where(orders.c.store_id == store_id, orders.c.order_id == order_id)
    row = await tx.first(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound("order_not_here_yet", PROBLEMS["order_not_here_yet"], retry_after_seconds=1)
    with one_row("orders", store_id, order_id):
        if row.data and len(row.data["lines"]) > MANY_LINES:
            return await asyncio.to_thread(_copied, row)
        return _copied(row)


def _copied(row: Row[Any]) -> Copy:
    return Copy(
        order_id=row.order_id,
        version=row.version,
        erased=row.erased_at is not None,
        event_sequence=row.event_sequence,
        order=Order.model_validate(row.data, strict=False) if row.data else None,
        personal=OrderPersonal.model_validate(row.personal, strict=False) if row.personal else None,
    )


async def order_for(tx: Transaction, actor: Actor, order_id: str) -> tuple[Order, OrderPersonal]:
    """Our copy of an order that `actor` may read. Raises NotFound `order_not_here_yet`, also for another customer's order."""
    found = await copy(tx, actor.store, order_id)
    if found.order is None or found.personal is None or not may_read(actor, found.order.customer_id, order_id):
        raise NotFound("order_not_here_yet", PROBLEMS["order_not_here_yet"], retry_after_seconds=1)
    return found.order, found.personal


async def orders_there(tx: Transaction, store_id: str, order_ids: Sequence[str], *, requested: bool = False) -> set[str]:
    """Which of these orders have arrived; `requested`: with a refund request."""
    mine = (orders.c.store_id == store_id) & orders.c.order_id.in_(order_ids) & orders.c.data.is_not(None)
    if requested:
        asked = sa.select(requests.c.order_id).where(requests.c.store_id == store_id, requests.c.order_id == orders.c.order_id)
        mine &= asked.exists()
    return {row.order_id for row in await tx.all(sa.select(orders.c.order_id).where(mine))}


def may_read(actor: Actor, customer_id: str, order_id: str) -> bool:
    """Whether `actor` may read data of this customer's order: the shop, that customer, or a guest with a link to the order."""
    return actor.is_shop or (actor.role == "customer" and actor.id == customer_id) or (actor.role == "guest" and actor.id == order_id)


def listed_for(actor: Actor) -> sa.ColumnElement[bool]:
    """The documents of WITH_ORDERS that `actor` may list: a guest none, since a link opens the documents of one order only."""
    return sa.false() if actor.role == "guest" else own_rows(actor, orders)


async def refunds_of(tx: Transaction, store_id: str, order_id: str) -> tuple[Refund, ...]:
    """Every approved refund of an order that has arrived, even if our copy is older than the version it was decided on."""
    rows = await tx.all(_REFUNDS, {"store": store_id, "order": order_id})
    return tuple(Refund.model_validate(row.data, strict=False) for row in rows)


async def request_of(tx: Transaction, store_id: str, order_id: str, refund_id: str | None = None) -> Requested:
    """A refund request of an order, by default the newest. Raises NotFound `no_refund_request`."""
    mine = (requests.c.store_id == store_id) & (requests.c.order_id == order_id)
    wanted = mine if refund_id is None else mine & (requests.c.refund_id == refund_id)
    newest = sa.select(requests).where(wanted).order_by(requests.c.requested_at.desc(), requests.c.refund_id.desc()).limit(1)
    row = await tx.first(newest)
    if row is None:
        raise NotFound("no_refund_request", PROBLEMS["no_refund_request"], retry_after_seconds=1)
    with one_row("requests", store_id, row.refund_id):
        said = RefundPersonal.model_validate(row.personal, strict=False)
        return Requested(Refund.model_validate(row.data, strict=False), said)


async def references_of(tx: Transaction, store_id: str, order_id: str) -> dict[tuple[str, str], DocumentReference]:
    """The documents issued for an order, by (cause, subject)."""
    rows = await tx.all(_REFERENCES, {"store": store_id, "order": order_id})
    shown = ("document_id", "kind", "number", "issued_on")
    return {(row.cause, row.subject_id): DocumentReference(**{name: row._mapping[name] for name in shown}) for row in rows}


async def office(tx: Transaction, store_id: str) -> Office:
    """The store's current settings and time zone; the defaults if none were saved or received."""
    newest, one = newest_version(settings, store_id).subquery(), sa.select(sa.literal(1)).subquery()
    zone = sa.select(stores.c.time_zone).where(stores.c.store_id == store_id).scalar_subquery()
    changes = (
        sa.select(sa.func.jsonb_agg(sa.func.jsonb_build_array(modes.c.kind, modes.c.since, modes.c.mode, modes.c.version)))
        .where(modes.c.store_id == store_id)
        .scalar_subquery()
    )
    own = (newest.c[name] for name in ("version", "letterhead", "prefixes", "slip_shows_due", "issue", "starts"))
    columns = (zone.label("time_zone"), changes.label("modes"), *own)
    row = (await tx.execute(sa.select(*columns).select_from(one.outerjoin(newest, sa.true())))).one()
    letterhead = Letterhead.model_validate(row.letterhead, strict=False) if row.letterhead else Letterhead()
    prefixes, zone_name = {**DEFAULT_PREFIXES, **(row.prefixes or {})}, row.time_zone or "UTC"
    return Office(
        row.version or DEFAULT_VERSION,
        letterhead,
        prefixes,
        zone_name,
        slip_shows_due=row.slip_shows_due is not False,
        issue={kind: SaidMode.model_validate(said, strict=False) for kind, said in (row.issue or {}).items()},
        modes=_modes(row.modes or []),
        starts={kind: Start.model_validate(start, strict=False) for kind, start in (row.starts or {}).items()},
    )


def _modes(rows: list[list[Any]]) -> Modes:
    """The changes of a store's modes from rows of kind, moment, mode and version."""
    changes = [ModeChange(kind, datetime.fromisoformat(since), mode, version) for kind, since, mode, version in rows]
    return Modes(tuple(sorted(changes, key=lambda one: one.since)))


async def credited(tx: Transaction, store_id: str, order_id: str, document_id: str) -> bool:
    """Whether a credit note stands on a document of an order, whose copy the caller has locked."""
    notes = sa.select(sa.literal(1)).where(documents.c.store_id == store_id, documents.c.order_id == order_id)
    stands = notes.where(documents.c.refers_to == document_id, documents.c.kind == "credit_note")
    return await tx.first(stands.limit(1)) is not None


async def page_of_waiting(tx: Transaction, actor: Actor, *, cursor: str | None, limit: int) -> Walked[Waiting]:
    """A page of the store's credit notes that wait for a number, those that wait longest first. Raises Invalid `bad_cursor`."""
    source = sa.select(*columns_of(waiting, Waiting)).where(waiting.c.store_id == actor.store)
    return await walk(tx, LONGEST, Waiting, source, cursor=cursor, limit=limit)


async def contents_of(tx: Transaction, store_id: str, document_id: str) -> Contents:
    """The contents of an issued document. Raises NotFound."""
    where = (documents.c.store_id == store_id) & (documents.c.document_id == document_id)
    text = await tx.scalar(sa.select(documents.c.data).where(where))
    if text is None:
        raise NotFound
    with one_row("documents", store_id, document_id):
        return Contents.model_validate_json(text)


async def document_for(tx: Transaction, actor: Actor, document_id: str) -> Document:
    """One issued document that `actor` may read, with the hash of its PDF if it is rendered. Raises NotFound."""
    found = sa.select(*ISSUED, renderings.c.pdf_sha256, renderings.c.engine).select_from(WITH_RENDERINGS)
    row = await tx.found(found.where(own_rows(actor, orders), documents.c.document_id == document_id), "No such document.")
    return Document(**row._mapping)


async def documents_of(tx: Transaction, actor: Actor, order_id: str) -> list[Document]:
    """The issued documents of an order that `actor` may read, in the order in which they were issued. Raises NotFound."""
    await order_for(tx, actor, order_id)
    of_order = _ISSUED.where(documents.c.store_id == actor.store, documents.c.order_id == order_id)
    return [Document(**row._mapping) for row in await tx.all(of_order.order_by(documents.c.issued_at, documents.c.document_id))]


def _within(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """The filter as SQL conditions."""
    chosen: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        chosen.append(documents.c.issued_on >= wanted.since)
    if wanted.until is not None:
        chosen.append(documents.c.issued_on < wanted.until)
    if wanted.kind is not None:
        chosen.append(documents.c.kind == wanted.kind)
    if wanted.provisional is not None:
        chosen.append(renderings.c.missing_glyphs.is_not(None) if wanted.provisional else renderings.c.missing_glyphs.is_(None))
    if wanted.e_invoice is not None:
        chosen.append(documents.c.e_invoice["status"].astext == wanted.e_invoice)
    if wanted.needs_attention is not None:
        needs = sa.or_(renderings.c.missing_glyphs.is_not(None), _lacks_e_invoice())
        chosen.append(needs if wanted.needs_attention else ~needs)
    return chosen


def _lacks_e_invoice() -> sa.ColumnElement[bool]:
    """An e-invoice is missing where one still matters: not of an invoice that one credit note took back whole, as a correction does, nor of
    a credit note about an invoice that was none itself.
    """
    other = documents.alias("other")
    of_order = (other.c.store_id == documents.c.store_id) & (other.c.order_id == documents.c.order_id)
    taken_back = (other.c.refers_to == documents.c.document_id) & (other.c.kind == "credit_note") & (other.c.total == documents.c.total)
    is_paper = sa.func.coalesce(other.c.e_invoice["status"].astext, "") != "embedded"
    about_paper = (documents.c.kind == "credit_note") & (other.c.document_id == documents.c.refers_to) & is_paper
    settled = sa.select(sa.literal(1)).select_from(other).where(of_order, taken_back | about_paper).correlate(documents).exists()
    return (sa.func.coalesce(documents.c.e_invoice["status"].astext, "") == "missing") & ~settled


async def page_of_documents(
    tx: Transaction, actor: Actor, wanted: Wanted, *, cursor: str | None, limit: int, order: Key = NEWEST
) -> Walked[Document]:
    """A page of what `actor` may read. Raises Invalid `bad_cursor`."""
    source = _ISSUED.where(listed_for(actor), *_within(wanted))
    return await walk(tx, order, Document, source, cursor=cursor, limit=limit)


async def pdf_of(tx: Transaction, store_id: str, document_id: str) -> bytes | None:
    """The stored PDF of a document, or None if it is not rendered yet."""
    where = (renderings.c.store_id == store_id) & (renderings.c.document_id == document_id)
    pdf: bytes | None = await tx.scalar(sa.select(renderings.c.pdf).where(where))
    return pdf


async def logo(tx: Transaction, store_id: str, sha256: str | None) -> bytes | None:
    """A logo as PNG."""
    if sha256 is None:
        return None
    png: bytes | None = await tx.scalar(sa.select(logos.c.png).where(logos.c.store_id == store_id, logos.c.sha256 == sha256))
    return png


async def series_report(tx: Transaction, store_id: str) -> list[Series]:
    """Every series with its last number, how many documents it has, and the numbers that are missing (there should be none)."""
    of_series = (documents.c.store_id == series.c.store_id) & (documents.c.kind == series.c.kind) & (documents.c.year == series.c.year)
    numbers = sa.func.generate_series(series.c.first, series.c.last).table_valued("counted").render_derived("numbers")
    there = sa.select(documents.c.counted).where(of_series, documents.c.counted == numbers.c.counted).correlate(series, numbers)
    missing = sa.select(sa.func.array_agg(numbers.c.counted)).select_from(numbers).where(~there.exists()).correlate(series)
    issued = sa.select(sa.func.count()).select_from(documents).where(of_series).correlate(series)
    statement = sa.select(series, issued.scalar_subquery().label("issued"), missing.scalar_subquery().label("missing"))
    rows = await tx.all(statement.where(series.c.store_id == store_id).order_by(series.c.year, series.c.kind))
    return [Series(row.kind, row.year, row.prefix, row.first, row.last, row.issued, tuple(sorted(row.missing or ()))) for row in rows]
