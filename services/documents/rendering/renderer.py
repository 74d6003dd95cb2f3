"""Renders views in confined child processes, with a deadline and a memory limit on each rendering, by turns over the stores."""

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import structlog

from services.documents.settings import DocumentSettings
from shared.contracts.errors import Failure
from shared.data.shares import PART_OF_SHARE, Rules, Shares
from shared.web.confined import Broken, Confined, Confines, Died, Slow, Starved
from shared.web.settings import WebSettings

log = structlog.get_logger()

ENGINE = f"typst {version('typst')}"
WAIT_SECONDS = 20.0


class RenderingFailed(Failure):
    """Over its deadline or memory, or refused by the engine; the document's data and number stand."""

    status, title, on_message, default_code = 503, "Rendering failed", "retry", "rendering_failed"


class Renderer:
    """A few rendering processes, each started when it is first needed and replaced when it fails or grows.

    `preparing` are slots for making up what is printed: of thousands of lines that is work for the event loop itself.
    """

    def __init__(
        self, processes: int, deadline_seconds: float, memory_mb: int, *, recycle_mb: int = 300, part: float = 0.4, queue: int = 200
    ) -> None:
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
        """The PDF of a view (or of what makes it: thousands of lines would hold up the event loop), at the store's turn.

        Raises RenderingFailed, StoreBusy.
        """

        def message() -> bytes:
            return json.dumps(view() if callable(view) else view, ensure_ascii=False).encode()

        try:
            return await self.processes.ask(message, store_id)
        except (Slow, Starved) as error:
            raise RenderingFailed(detail=f"It took more than {self._deadline_seconds:.0f} s.") from error
        except Died as error:
            raise RenderingFailed(detail="The rendering process ended, most likely for want of memory.") from error
        except Broken as error:
            log.error("rendering_refused", engine=ENGINE, error=str(error))
            raise RenderingFailed(detail="The engine could not render it.") from error

    async def close(self) -> None:
        """End every idle process; those at work end with their rendering's caller."""
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
    )


def renderer(settings: WebSettings) -> Renderer:
    """The renderer of this process."""
    assert isinstance(settings, DocumentSettings)
    return _renderer(settings)
