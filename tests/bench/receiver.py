"""A receiver of webhooks that costs little, in a process of its own: it notes who was called when, and answers 200.

A path that begins with `/wait-` is answered after as many seconds as it names (`/wait-2.5/7`). Also its opposite: a bare aiohttp loop
that posts the same bodies, which is what deliveries are compared with.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import aiohttp

PROJECT = Path(__file__).parents[2]
HEAD_END = b"\r\n\r\n"
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
WAITS = "/wait-"
LINE_BYTES = 2**28


class Heard(NamedTuple):
    """One call: its path, the id of its event (empty if it had none), and when it had arrived whole, by this machine's clock."""

    path: str
    event_id: str
    at: float


class Receiver:
    """The receiver's process."""

    def __init__(self, child: asyncio.subprocess.Process, port: int) -> None:
        self._child, self.port = child, port

    def url(self, path: str) -> str:
        """Its URL with this path."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def heard(self) -> list[Heard]:
        """What it heard since it was asked last."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"told\n")
        return [Heard(*one) for one in await _line(self._child)]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that runs until the end of the block."""
    child = await _started("receive")
    try:
        yield Receiver(child, await _line(child))
    finally:
        child.terminate()
        await child.wait()


class Posted(NamedTuple):
    """What the bare loop did."""

    per_second: float
    cpu_ms: float


async def posted(url: str, body: str, *, count: int, at_once: int) -> Posted:
    """Let a process with nothing but an aiohttp session post the body so many times, on connections that stay open."""
    child = await _started("post", url, str(count), str(at_once))
    out, _ = await child.communicate(body.encode())
    return Posted(*json.loads(out))


async def _started(*words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.receiver", *words, stdin=pipe, stdout=pipe, cwd=PROJECT, limit=LINE_BYTES
    )


async def _line(child: asyncio.subprocess.Process) -> Any:
    assert child.stdout is not None
    return json.loads(await child.stdout.readline())


class _Line(asyncio.Protocol):
    """One connection: any number of calls, one after another."""

    def __init__(self, heard: list[Heard]) -> None:
        self._heard, self._buffer = heard, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of asyncio's classes

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(HEAD_END)) >= 0:
            head = self._buffer[:end].lower()
            whole = end + len(HEAD_END) + int(_header(head, b"content-length") or 0)
            if len(self._buffer) < whole:
                return
            path, self._buffer = head.split(b" ", 2)[1].decode(), self._buffer[whole:]
            self._heard.append(Heard(path, _header(head, b"webhook-id").decode(), time.time()))
            closes = _header(head, b"connection") == b"close"
            if path.startswith(WAITS):
                seconds = float(path.removeprefix(WAITS).partition("/")[0])
                asyncio.get_running_loop().call_later(seconds, self._accept, closes)
            else:
                self._accept(closes)

    def _accept(self, closes: bool) -> None:
        if not self._transport.is_closing():
            self._transport.write(ACCEPTED)
            if closes:
                self._transport.close()


def _header(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0]


async def _receive() -> None:
    loop, heard = asyncio.get_running_loop(), list[Heard]()
    server = await loop.create_server(lambda: _Line(heard), "127.0.0.1", 0, backlog=1_000)
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    _say(server.sockets[0].getsockname()[1])
    while await asked.readline():
        _say(heard)
        heard.clear()


async def _post(url: str, count: int, at_once: int) -> None:
    body, left = sys.stdin.buffer.read(), count
    headers = {"Content-Type": "application/cloudevents+json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

        async def client() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()

        before, began = _cpu_seconds(), time.perf_counter()
        await asyncio.gather(*(client() for _ in range(at_once)))
        took, spent = time.perf_counter() - began, _cpu_seconds() - before
    _say([round(count / took, 1), round(1000 * spent / count, 3)])


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    import uvloop  # as the services run

    if sys.argv[1] == "receive":
        uvloop.run(_receive())
    else:
        uvloop.run(_post(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
