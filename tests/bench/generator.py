"""An HTTP/1.1 client that costs little: requests are bytes made beforehand, answers are read by length alone.

It runs in processes of its own (`drive`), so that it does not share a core's Python with what it measures; what it costs by itself is
measured against an echo server and told beside every figure.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
KEY = b"{key}"
KEY_BYTES = 32


@dataclass
class Figures:
    """What one or more generators saw. Latencies in milliseconds, sorted."""

    answered: int = 0
    failed: int = 0
    units: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    cost_ms: list[float] = field(default_factory=list)  # CPU of what was called, for each unit; filled in by who knows the processes

    @property
    def per_second(self) -> float:
        """Units of work (orders, changes, pages) per second."""
        return self.units / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, that `share` of the calls did not exceed."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)] if self.latencies else 0.0


def request(url: str, method: str, path: str, token: str, body: object = None) -> bytes:
    """A call as bytes; a POST carries a place for its Idempotency-Key, filled in anew each time it is sent."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    head = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Authorization: Bearer {token}"]
    if method != "GET":
        head += [f"Idempotency-Key: {KEY.decode()}", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(head).encode() + HEAD_END + content


async def drive(
    urls: Sequence[str], calls: Sequence[Sequence[bytes]], *, seconds: float, processes: int = 1, units: int = 1, folder: Path
) -> Figures:
    """Let one client per list in `calls` send its calls, one after another, for `seconds`. A list of reads, or of one write, goes round.

    The clients are shared out over `processes`. `units` is how much work one answer stands for.
    """
    shares = [list(range(index, len(calls), processes)) for index in range(processes)]
    children = []
    for index, share in enumerate(share for share in shares if share):
        plan = folder / f"plan-{time.monotonic_ns()}-{index}.json"
        lists = [[call.decode("latin-1") for call in calls[client]] for client in share]
        plan.write_text(json.dumps({"urls": [urls[client % len(urls)] for client in share], "calls": lists, "seconds": seconds}))
        children.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bench.generator", str(plan), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
            )
        )
    figures = Figures()
    for child in children:
        out, _ = await child.communicate()
        told = json.loads(out)
        figures.answered += told["answered"]
        figures.failed += told["failed"]
        figures.cpu_seconds += told["cpu_seconds"]
        figures.seconds = max(figures.seconds, told["seconds"])
        figures.latencies += told["latencies"]
        figures.failures += told["failures"]
    figures.latencies.sort()
    figures.units = figures.answered * units
    return figures


class _Client(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends the next."""

    def __init__(self, calls: list[bytes], until: float, done: "asyncio.Future[None]") -> None:
        self.calls, self.until, self.done = calls, until, done
        self.next = 0
        self.buffer = b""
        self.sent_at = 0.0
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not of asyncio's classes
        self._send()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(HEAD_END)
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else len(head)]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        self.latencies.append(time.perf_counter() - self.sent_at)
        if head[9:10] != b"2":
            self.failed += 1
            if len(self.failures) < 3:
                self.failures.append(self.buffer[: end + 4 + min(length, 300)].decode("latin-1"))
        self.buffer = b""
        if time.perf_counter() < self.until and self.next < len(self.calls):
            self._send()
        else:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()

    def _send(self) -> None:
        call = self.calls[self.next]
        self.next += 1
        if self.next == len(self.calls) and (call.startswith(b"GET") or len(self.calls) == 1):
            self.next = 0  # reads, and a write that means something new each time, go round and round
        self.sent_at = time.perf_counter()
        self.transport.write(call.replace(KEY, os.urandom(KEY_BYTES // 2).hex().encode(), 1))

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _work(plan: dict[str, object]) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    urls, calls, seconds = plan["urls"], plan["calls"], plan["seconds"]
    assert isinstance(urls, list)
    assert isinstance(calls, list)
    assert isinstance(seconds, float | int)
    began = time.perf_counter()
    clients: list[_Client] = []
    for url, texts in zip(urls, calls, strict=True):
        parts = urlsplit(url)
        client = _Client([text.encode("latin-1") for text in texts], began + seconds, loop.create_future())
        await loop.create_connection(lambda client=client: client, parts.hostname, parts.port)  # type: ignore[misc]  # bound at once
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "answered": sum(len(client.latencies) - client.failed for client in clients),
        "failed": sum(client.failed for client in clients),
        "seconds": time.perf_counter() - began,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "latencies": [latency * 1000 for client in clients for latency in client.latencies],
        "failures": [failure for client in clients for failure in client.failures][:3],
    }


if __name__ == "__main__":
    path = Path(sys.argv[1])
    wanted = json.loads(path.read_text())
    path.unlink()
    import uvloop  # its start-up belongs to no client

    sys.stdout.write(json.dumps(uvloop.run(_work(wanted))))
