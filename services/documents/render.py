"""Renders views in confined child processes, with a deadline and a memory limit on each rendering."""

import asyncio
import json
import os
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from pydantic import Field

from shared.errors import Failure
from shared.settings import Settings

log = structlog.get_logger()

PROJECT = Path(__file__).resolve().parents[2]
ENGINE = f"typst {version('typst')}"
RENDERINGS_PER_PROCESS = 1_000  # then a fresh one takes its place, so that nothing grows without end


class RenderingFailed(Failure):
    """Over its deadline or memory, or refused by the engine; the document's data and number stand."""

    status, title, on_message, default_code = 503, "Rendering failed", "retry", "rendering_failed"


class DocumentSettings(Settings):
    """Settings that only this service has."""

    render_processes: int = Field(2, ge=1, le=64, description="Rendering processes per service process, started when first needed.")
    render_deadline_seconds: float = Field(20.0, gt=0, description="Longest time that one rendering may take.")
    render_memory_mb: int = Field(1_024, ge=256, description="Address space of one rendering process, in MiB.")


class Renderer:
    """A few rendering processes, each started when it is first needed and replaced when it fails."""

    def __init__(self, processes: int, deadline_seconds: float, memory_mb: int) -> None:
        self._free: asyncio.LifoQueue[_Child | None] = asyncio.LifoQueue()
        for _ in range(processes):
            self._free.put_nowait(None)
        self._deadline_seconds = deadline_seconds
        self._memory_mb = memory_mb

    async def pdf(self, view: dict[str, Any]) -> bytes:
        """The PDF of a view. Raises RenderingFailed."""
        message = json.dumps(view, ensure_ascii=False).encode()
        async with self._child() as child:
            try:
                async with asyncio.timeout(self._deadline_seconds):
                    answer = await child.ask(message)
            except TimeoutError as error:
                raise RenderingFailed(detail=f"It took more than {self._deadline_seconds:.0f} s.") from error
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise RenderingFailed(detail="The rendering process ended, most likely for want of memory.") from error
        if answer[:1] != b"P":
            log.error("rendering_refused", engine=ENGINE, error=answer[1:].decode(errors="replace"))
            raise RenderingFailed(detail="The engine could not render it.")
        return answer[1:]

    @asynccontextmanager
    async def _child(self) -> AsyncIterator["_Child"]:
        """A child for one rendering; it goes back only if that rendering came to an answer."""
        child = await self._free.get()
        try:
            if child is None or not child.is_fit:
                unfit, child = child, None
                if unfit is not None:
                    await unfit.end()
                child = await _Child.start(self._memory_mb)
            yield child
        except BaseException:
            if child is not None:
                await asyncio.shield(child.end())
            child = None
            raise
        finally:
            self._free.put_nowait(child)

    async def close(self) -> None:
        """End every idle process; those at work end with their rendering's caller."""
        while not self._free.empty():
            child = self._free.get_nowait()
            if child is not None:
                await child.end()


class _Child:
    """One rendering process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._rendered = 0
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def start(cls, memory_mb: int) -> "_Child":
        """Start one, with nothing of our environment but where Python is."""
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(PROJECT), "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.documents.render_child",
            str(memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
            env=environment,
        )
        return cls(process)

    @property
    def is_fit(self) -> bool:
        """Whether it lives, has not worked too long, and belongs to the loop that asks."""
        alive = self._process.returncode is None
        return alive and self._rendered < RENDERINGS_PER_PROCESS and self._loop is asyncio.get_running_loop()

    async def ask(self, message: bytes) -> bytes:
        """One question, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(struct.pack(">I", len(message)) + message)
        await self._process.stdin.drain()
        length = struct.unpack(">I", await self._process.stdout.readexactly(4))[0]
        answer = await self._process.stdout.readexactly(length)
        self._rendered += 1
        return answer

    async def end(self) -> None:
        """End it now, and see it gone."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


@lru_cache(maxsize=4)
def _renderer(processes: int, deadline_seconds: float, memory_mb: int) -> Renderer:
    return Renderer(processes, deadline_seconds, memory_mb)


def renderer(settings: Settings) -> Renderer:
    """The renderer of this process."""
    assert isinstance(settings, DocumentSettings)
    return _renderer(settings.render_processes, settings.render_deadline_seconds, settings.render_memory_mb)
