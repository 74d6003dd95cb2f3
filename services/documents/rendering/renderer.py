"""Renders views in confined child processes, round-robin over the stores, with a deadline and a memory limit for each rendering."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import structlog

from services.documents.rendering.fontbook import FontBook, font_book
from services.documents.settings import DocumentSettings
from shared.contracts.errors import Failure
from shared.data.shares import PART_OF_SHARE, Rules, Shares
from shared.web.confined import Broken, Confined, Confines, Died, Slow, Starved
from shared.web.settings import WebSettings

log = structlog.get_logger()

ENGINE = f"typst {version('typst')}"
WAIT_SECONDS = 20.0


class RenderingFailed(Failure):
    """A rendering exceeded its deadline or memory, or the engine refused it; the document's data and number are unaffected."""

    status, title, on_message, default_code = 503, "Rendering failed", "retry", "rendering_failed"


@dataclass(frozen=True, slots=True)
class Picture:
    """A PDF. It is provisional if a character is `missing` in every font: printed as its code, `U+1F600`, until a font has it."""

    pdf: bytes
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attached:
    """An e-invoice for a picture, made `at` that second since 1970."""

    xml: str
    at: int


class Renderer:
    """A few rendering processes, each started when first needed and replaced when it fails or grows.

    `preparing` limits how many prints are composed at once: for thousands of lines, composing costs the event loop itself time.
    """

    def __init__(
        self,
        processes: int,
        deadline_seconds: float,
        memory_mb: int,
        *,
        recycle_mb: int = 300,
        part: float = 0.4,
        queue: int = 200,
        fonts: FontBook | None = None,
    ) -> None:
        self._fonts = fonts or font_book("")
        self.preparing = Shares(
            "documents.preparing", Rules(4, headroom=1, part=part, queue=queue), wait_seconds=WAIT_SECONDS, what="prints"
        )
        rules = Rules(processes, headroom=1, part=part, queue=queue)
        self._deadline_seconds = deadline_seconds
        self.processes = Confined(
            Confines(
                name="renderers",
                module="services.documents.rendering.child",
                what="renderings",
                rules=rules,
                deadline_seconds=deadline_seconds,
                memory_mb=memory_mb,
                recycle_mb=recycle_mb,
                wait_seconds=WAIT_SECONDS,
            )
        )

    async def pdf(self, view: dict[str, Any] | Callable[[], dict[str, Any]], store_id: str | None = None) -> bytes:
        """The bytes of `picture`."""
        return (await self.picture(view, store_id)).pdf

    async def picture(
        self,
        view: dict[str, Any] | Callable[[], dict[str, Any]],
        store_id: str | None = None,
        *,
        attached: Callable[[], Attached | None] = lambda: None,
    ) -> Picture:
        """The picture of a view, rendered at the store's turn. Pass a callable for a large view: it is evaluated off the event loop.

        With something `attached` it is a PDF/A-3. Raises RenderingFailed, StoreBusy.
        """
        missing: tuple[str, ...] = ()

        def message() -> bytes:
            nonlocal missing
            fitted = self._fonts.fitted(view() if callable(view) else view)
            missing = fitted.missing
            said: dict[str, Any] = {"stamp": fitted.shelf.stamp, "folders": fitted.shelf.folders}
            if (one := attached()) is not None:
                said["attached"] = {"xml": one.xml, "at": one.at}
            return json.dumps(said).encode() + b"\n" + json.dumps(fitted.view, ensure_ascii=False).encode()

        try:
            pdf = await self.processes.ask(message, store_id)
        except Starved as error:
            raise RenderingFailed(detail=error.detail) from error
        except Slow as error:
            raise RenderingFailed(detail=f"The rendering took more than {self._deadline_seconds:.0f} s of processor time.") from error
        except Died as error:
            raise RenderingFailed(detail="The rendering process died, most likely because it ran out of memory.") from error
        except Broken as error:
            log.error("rendering_refused", engine=ENGINE, error=str(error))
            raise RenderingFailed(detail="The engine could not render the document.") from error
        return Picture(pdf, missing)

    async def close(self) -> None:
        """Stop every idle process; a busy one stops with the caller of its rendering."""
        await self.processes.close()


@lru_cache(maxsize=4)
def _renderer(settings: DocumentSettings) -> Renderer:
    return Renderer(
        settings.render_processes,
        settings.render_deadline_seconds,
        settings.render_memory_mb,
        recycle_mb=settings.render_recycle_mb,
        part=settings.share_part_percent / 100 * PART_OF_SHARE,
        queue=settings.share_queue,
        fonts=font_book(settings.font_folders),
    )


def renderer(settings: WebSettings) -> Renderer:
    """The renderer of this process."""
    assert isinstance(settings, DocumentSettings)
    return _renderer(settings)
