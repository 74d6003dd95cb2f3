"""HTTP by hand: an attacker sends what no client library would, and sending must cost less than answering."""

import asyncio
import contextlib
import json
import socket
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

GONE = 0
"""The status of a call whose connection was closed or refused, or that got no answer."""
ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port of a base address."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Address":
        """The address in a URL such as http://host:port."""
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        return cls(parts.hostname, parts.port)


def request(
    method: str, path: str, token: str = "", body: object = None, headers: dict[str, str] | None = None, *, key: bool = False
) -> bytes:
    """A whole request. A body that is not bytes is sent as JSON; `key` adds a fresh Idempotency-Key."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Host": "attacked", **(headers or {})}
    if token:
        fields["Authorization"] = f"Bearer {token}"
    if key:
        fields["Idempotency-Key"] = uuid.uuid4().hex
    if body is not None:
        fields.setdefault("Content-Type", "application/json")
        fields["Content-Length"] = str(len(content))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


@dataclass
class Line:
    """One persistent connection: sends one request after the other, and reopens when it was closed."""

    address: Address
    limit: int = 2**20
    _streams: "tuple[asyncio.StreamReader, asyncio.StreamWriter] | None" = field(default=None)

    async def ask(self, sent: bytes, seconds: float = ANSWER_SECONDS) -> tuple[int, bytes]:
        """Status and body; GONE if no answer came in time. If the open connection was closed in the meantime, reconnects once."""
        kept = self._streams is not None
        try:
            async with asyncio.timeout(seconds):
                try:
                    return await self._once(sent)
                except (OSError, asyncio.IncompleteReadError):
                    self.close()
                    if not kept:
                        return GONE, b""
                return await self._once(sent)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            self.close()
            return GONE, b""

    async def _once(self, sent: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.address.host, self.address.port, limit=self.limit)
        reader, writer = self._streams
        sending = asyncio.ensure_future(_sent(writer, sent))
        try:
            return await self._answer(reader)
        finally:
            if not sending.done():  # it was answered before it was read in full: nobody needs the rest
                sending.cancel()
                self.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await sending

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        body = await _body(reader, head)
        if "connection: close" in head:
            self.close()
        return status, body

    def close(self) -> None:
        """Close it; the next call opens a new one."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _sent(writer: asyncio.StreamWriter, sent: bytes) -> None:
    writer.write(sent)
    await writer.drain()


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    if "transfer-encoding: chunked" in head:
        parts = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(parts)
    length = next((line.partition(":")[2] for line in head.split("\r\n") if line.startswith("content-length:")), "0")
    return await reader.readexactly(int(length))


async def opened(address: Address, sent: bytes, receive_buffer: int = 0) -> socket.socket | None:
    """A raw connection that has sent this and reads nothing; None if it was refused."""
    loop = asyncio.get_running_loop()
    peer = socket.socket()
    peer.setblocking(False)
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await loop.sock_connect(peer, (address.host, address.port))
            await loop.sock_sendall(peer, sent)
    except (OSError, TimeoutError):
        peer.close()
        return None
    return peer


def ended(peer: socket.socket, *, reads: bool = False) -> bool:
    """Whether the other side has closed it. Received data stays in the buffer, unless `reads`."""
    try:
        while data := peer.recv(2**16 if reads else 1, 0 if reads else socket.MSG_PEEK):
            if data and not reads:
                return False
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
