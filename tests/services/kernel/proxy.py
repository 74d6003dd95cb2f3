"""A TCP proxy that can cut a connection, refuse new ones, or hold back what the server answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit, urlunsplit

CHUNK_BYTES = 65_536


class Proxy:
    """Stands between a client and one server on this machine."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._answering = asyncio.Event()
        self._answering.set()
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Self]:
        """A proxy to the server of `url`."""
        parts = urlsplit(url)
        proxy = cls(parts.hostname or "127.0.0.1", parts.port or 5672)
        await proxy.join()
        try:
            yield proxy
        finally:
            proxy.release()
            await proxy.cut()

    def url(self, url: str) -> str:
        """The same url by way of this proxy."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"))

    async def join(self) -> None:
        """Accept connections (again, on the same port)."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()

    def hold_answers(self) -> None:
        """Let what clients send through, and keep the server's answers back."""
        self._answering.clear()

    def release(self) -> None:
        """Let held answers go."""
        self._answering.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, server_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pipe(reader, server_writer, held=False), self._pipe(server_reader, writer, held=True))
        except OSError:
            pass
        finally:
            self._pairs.discard(pair)
            for one in pair:
                one.transport.abort()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if held:
                await self._answering.wait()
            writer.write(chunk)
            await writer.drain()
        raise ConnectionResetError
