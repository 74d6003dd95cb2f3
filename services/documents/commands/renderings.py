"""The PDFs of documents: rendered outside any transaction, on first read or by the worker. The first complete bytes never change."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from services.documents import queries
from services.documents.rendering.cii import cross_industry_invoice
from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import ENGINE, Attached, Picture, RenderingFailed, renderer
from services.documents.rules.contents import canonical, sha256_of
from services.documents.state import Contents, Paper
from services.documents.tables import renderings
from shared.contracts.errors import StoreBusy, Transient, Unavailable
from shared.data.db import Database
from shared.web.settings import WebSettings

log = structlog.get_logger()

BATCH = 4  # few at a time, so that a worker that dies delays only a few
CANDIDATES = 200  # rows considered for a batch, so that one store's backlog costs no more than this
LEASE_SECONDS = 30  # if a rendering takes longer, two workers render the same document, and the first bytes are stored
LONGEST_PAUSE_SECONDS = 3_600


async def pdf_of(database: Database, settings: WebSettings, store_id: str, document_id: str) -> Picture:
    """The picture of an issued document: the stored bytes, or else rendered and stored by this call. Raises RenderingFailed.

    A provisional picture is not stored, but what it lacks is.
    """
    async with database.reading() as tx:
        kept = await queries.pdf_of(tx, store_id, document_id)
        if kept is not None:
            return Picture(kept)
        contents = await queries.contents_of(tx, store_id, document_id)
    made = await picture(database, settings, store_id, contents, is_the_document=True)
    if made.missing:
        await _missed(database, store_id, document_id, list(made.missing))
        return made
    return Picture(await _keep(database, store_id, document_id, made.pdf))


async def picture(
    database: Database,
    settings: WebSettings,
    store_id: str,
    contents: Contents,
    *,
    paper: Paper | None = None,
    is_the_document: bool = False,
) -> Picture:
    """The picture of any contents, issued or not; nothing is stored. `paper`: another than their own.

    The document itself holds its e-invoice, if it is one; any other print is just paper. Raises RenderingFailed.
    """
    async with database.reading() as tx:
        logo = await queries.logo(tx, store_id, contents.logo_sha256)

    def attached() -> Attached | None:
        xml = cross_industry_invoice(contents) if is_the_document else None
        return Attached(xml, int(contents.issued_at.timestamp()) if contents.issued_at else 0) if xml else None

    def view() -> dict[str, Any]:
        return view_of(contents, code=check_code(contents), logo=logo, paper=paper)

    return await renderer(settings).picture(view, store_id, attached=attached)


def check_code(contents: Contents) -> str:
    """The first 16 hex digits of an issued document's hash, as printed on it; empty for a print that is not a document."""
    if contents.document_id is None:
        return ""
    digest = sha256_of(canonical(contents))
    return " ".join(digest[start : start + 4] for start in range(0, 16, 4))


async def render_waiting(database: Database, settings: WebSettings, *, now: datetime) -> int:
    """Render documents of stores that want it ahead, oldest first, a batch at a time. Returns how many. Workers share the work."""
    rendered = 0
    while claimed := await _claim(database, now=datetime.now(UTC)):
        rendered += sum(await asyncio.gather(*[_render(database, settings, *document) for document in claimed]))
        if len(claimed) < BATCH:
            break
    return rendered


async def _render(database: Database, settings: WebSettings, store_id: str, document_id: str) -> bool:
    """Render and store one document, or record why that failed. Returns whether it is stored."""
    try:
        made = await pdf_of(database, settings, store_id, document_id)
        if made.missing:
            raise RenderingFailed(detail=f"No font has {', '.join(made.missing)}.")
    except RenderingFailed as failure:
        await _failed(database, store_id, document_id, failure, now=datetime.now(UTC))
        return False
    except (StoreBusy, Unavailable, Transient):
        return False  # its lease expires, and it is leased again
    except Exception as error:  # one document's failure must not stop the others
        await _failed(database, store_id, document_id, RenderingFailed(detail=type(error).__name__), now=datetime.now(UTC))
        return False
    return True


async def _claim(database: Database, *, now: datetime) -> list[tuple[str, str]]:
    """Lease documents that are due, in one statement: round-robin over the stores among the documents that have waited longest."""
    r = renderings.c
    waits = r.pdf.is_(None) & r.ahead & (r.next_attempt_at <= now)
    oldest = sa.select(r.store_id, r.document_id, r.next_attempt_at).where(waits).order_by(r.next_attempt_at).limit(CANDIDATES).subquery()
    turn = sa.func.row_number().over(partition_by=oldest.c.store_id, order_by=oldest.c.next_attempt_at).label("turn")
    turns = sa.select(oldest.c.store_id, oldest.c.document_id, turn).subquery()
    due = (
        sa.select(r.store_id, r.document_id)
        .join(turns, (turns.c.store_id == r.store_id) & (turns.c.document_id == r.document_id))
        .where(waits)
        .order_by(turns.c.turn, r.next_attempt_at)
        .limit(BATCH)
        .with_for_update(of=renderings, skip_locked=True)
        .cte("due")
    )
    claim = (
        sa.update(renderings)
        .where(renderings.c.store_id == due.c.store_id, renderings.c.document_id == due.c.document_id)
        .values(next_attempt_at=now + timedelta(seconds=LEASE_SECONDS), attempts=renderings.c.attempts + 1)
        .returning(renderings.c.store_id, renderings.c.document_id)
    )
    async with database.transaction("documents.claim_rendering") as tx:
        return [(row.store_id, row.document_id) for row in await tx.all(claim)]


async def _keep(database: Database, store_id: str, document_id: str, pdf: bytes) -> bytes:
    """Store `pdf` unless another worker was faster. Returns the stored bytes either way."""
    mine = (renderings.c.store_id == store_id) & (renderings.c.document_id == document_id)
    values = {
        "pdf": pdf,
        "pdf_sha256": hashlib.sha256(pdf).hexdigest(),
        "engine": ENGINE,
        "rendered_at": datetime.now(UTC),
        "failure": None,
        "missing_glyphs": None,
    }
    async with database.transaction("documents.keep_rendering") as tx:
        await tx.execute(sa.update(renderings).where(mine, renderings.c.pdf.is_(None)).values(**values))
        kept: bytes = await tx.scalar(sa.select(renderings.c.pdf).where(mine))
    return kept


async def _missed(database: Database, store_id: str, document_id: str, missing: list[str]) -> None:
    """Record which characters a provisional picture lacks, unless that is recorded or a complete picture was faster."""
    mine = (renderings.c.store_id == store_id) & (renderings.c.document_id == document_id)
    news = renderings.c.pdf.is_(None) & renderings.c.missing_glyphs.is_distinct_from(sa.literal(missing, renderings.c.missing_glyphs.type))
    async with database.transaction("documents.keep_missing_glyphs") as tx:
        await tx.execute(sa.update(renderings).where(mine, news).values(missing_glyphs=missing))


async def _failed(database: Database, store_id: str, document_id: str, failure: RenderingFailed, *, now: datetime) -> None:
    """Record the failure and schedule a retry; the delay doubles each time, up to an hour."""
    mine = (renderings.c.store_id == store_id) & (renderings.c.document_id == document_id)
    pause = sa.func.least(LONGEST_PAUSE_SECONDS, 2 * sa.func.power(2, renderings.c.attempts))
    next_attempt = sa.literal(now, renderings.c.next_attempt_at.type) + pause * sa.text("interval '1 second'")
    async with database.transaction("documents.rendering_failed") as tx:
        await tx.execute(sa.update(renderings).where(mine).values(failure=failure.detail, next_attempt_at=next_attempt))
    log.error("rendering_failed", store_id=store_id, document_id=document_id, detail=failure.detail)
