"""A TCP proxy that causes network faults: it cuts, refuses, delays, slices or swallows traffic, and holds back or loses answers."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit, urlunsplit

CHUNK_BYTES = 65_536
COMMITTED = re.compile(rb"C\x00\x00\x00\x0bCOMMIT\x00")
"""PostgreSQL's CommandComplete of a COMMIT: the change is durable, and this message would have told the client so."""
CONFIRMED = re.compile(rb"\x01..\x00\x00\x00\x0d\x00\x3c\x00\x50", re.DOTALL)
"""RabbitMQ's basic.ack to a publisher: a method frame of 13 bytes, class 60, method 80."""


class Proxy:
    """Sits between clients and one server on this machine. `bites` counts the faults that it caused, so that a test can check them."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: asyncio.Server | None = None
        self._kept: socket.socket | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._answering = asyncio.Event()
        self._answering.set()
        self._latency_seconds = 0.0
        self._slice_bytes = 0
        self._swallowing = False
        self._losing: re.Pattern[bytes] | None = None
        self.bites = 0
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
            proxy._keep_port(None)

    def url(self, url: str) -> str:
        """The same url through this proxy."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"))

    async def join(self) -> None:
        """Accept connections (again, on the same port)."""
        self._keep_port(None)
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
            self._keep_port(self.port)
        self.bites += len(self._pairs)
        self.break_connections()

    def _keep_port(self, port: int | None) -> None:
        """Bind it without listening: connections are refused, and no outgoing connection can take the port in the meantime."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        if port is not None:
            self._kept = socket.socket()
            self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._kept.bind(("127.0.0.1", port))

    def break_connections(self) -> None:
        """Break every connection, but accept new ones."""
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()

    def hold_answers(self) -> None:
        """Pass on what clients send, and hold the server's answers back."""
        self._answering.clear()

    def delay(self, seconds: float) -> None:
        """Delay everything by `seconds`, each way."""
        self._latency_seconds = seconds

    def slice(self, size: int) -> None:
        """Pass everything on in pieces of `size` bytes, each as a packet of its own."""
        self._slice_bytes = size

    def half_open(self) -> None:
        """Keep connections open and accept data, but pass nothing on any more: neither side notices."""
        self._swallowing = True

    def lose(self, answer: re.Pattern[bytes]) -> None:
        """Break each connection whose server sends `answer`, instead of passing it on."""
        self._losing = answer

    def release(self) -> None:
        """Stop causing faults. Break connections if data was swallowed: their two sides would never agree again."""
        if self._swallowing:
            self.break_connections()
        self._swallowing, self._losing, self._latency_seconds, self._slice_bytes = False, None, 0.0, 0
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
            if self._swallowing:
                self.bites += 1
                continue
            if held:
                await self._answering.wait()
                if self._losing is not None and self._losing.search(chunk):
                    self.bites += 1
                    break
            if self._latency_seconds:
                self.bites += 1
                await asyncio.sleep(self._latency_seconds)
            await self._pass_on(chunk, writer)
        raise ConnectionResetError

    async def _pass_on(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        size = self._slice_bytes
        if not size:
            writer.write(chunk)
        else:
            self.bites += 1
            for start in range(0, len(chunk), size):
                writer.write(chunk[start : start + size])
                await asyncio.sleep(0)
        await writer.drain()
