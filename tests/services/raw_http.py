"""HTTP by hand, for what no client library would send: half a head, a head without its body, an answer that is not read."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.shop import PATIENCE_SECONDS

WAIT_SECONDS = PATIENCE_SECONDS / 2
"""How long an answer or an end is waited for: less than the server itself waits for the rest, in a mutant's run too."""


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Hand bytes to the socket; whether the other side takes them is another matter."""
        self.writer.write(data)

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """The next answer: status, headers, JSON. Raises AssertionError where none comes."""
        status, headers, body = await self._answer()
        return status, headers, json.loads(body) if body else None

    async def answer_of_any_kind(self) -> tuple[int, dict[str, str]]:
        """The next answer whose body is not JSON: status and headers. Raises AssertionError where none comes."""
        status, headers, _ = await self._answer()
        return status, headers

    async def _answer(self) -> tuple[int, dict[str, str], bytes]:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                head = await self._reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        except TimeoutError:
            raise AssertionError(f"no answer within {WAIT_SECONDS} s") from None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise AssertionError("closed without an answer") from error
        return int(first.split(" ")[1]), headers, body

    async def ended(self) -> bytes:
        """What still came until the other side closed, however it did. Raises AssertionError where it does not."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self._reader.read()
        except TimeoutError:
            raise AssertionError(f"still open after {WAIT_SECONDS} s") from None
        except ConnectionError:
            return b""

    @property
    def open(self) -> bool:
        """Whether the other side has not closed it, as far as it was heard."""
        return not self._reader.at_eof() and self._reader.exception() is None


@asynccontextmanager
async def line(url: str) -> AsyncIterator[Line]:
    """A connection to `url`, closed at the end."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def head(method: str, path: str, token: str | None = None, **headers: str) -> bytes:
    """A request's head, whole: `idempotency_key="k"` is the header Idempotency-Key."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
