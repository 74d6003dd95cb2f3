"""The HTTP protocol with limits: what a client may send, how slowly it may send and read, and how many connections there may be.

Neither httptools nor uvicorn limits the size of a head or the time that it takes. Here limits apply to a head's size, number of headers
and time, to pauses in a body, and to the time until an answer is read. The number of connections is limited too: a new one closes the
one that has been idle longest, strangers before known callers. A proxy in front may do the same and more; nothing here relies on it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shared.data.metrics import HTTP_REFUSED
from shared.web.gate import CALLER
from shared.web.lobby import Lobby
from shared.web.problems import plain, rendered
from shared.web.settings import WebSettings

MAX_PIPELINED = 8
"""Requests that may wait behind the one being answered: each costs memory before its token is checked."""
MAX_CHUNKING_BYTES = 64_000
"""Overhead of a chunked body (chunk sizes and extensions) beyond the size of its content."""
LINGER_BYTES_OF_STRANGERS, LINGER_BYTES = 4_000_000, 64_000_000
"""How much is discarded after an early answer, so that the client can read it: a reset would destroy the answer."""


class Door(HttpToolsProtocol):
    """One connection."""

    def __init__(self, lobby: Lobby, settings: WebSettings, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._lobby = lobby
        self._limits = settings
        self._refusal: tuple[int, str] | None = None  # why the parser was stopped in the middle of a head
        self._in_head = False
        self._in_body = False
        self._head_bytes = self._header_count = self._body_bytes = self._raw_body_bytes = 0
        self._since = self._heard_at = self._stuck_at = 0.0  # when the head or idle time began; last bytes received; unread since
        self._stuck_bytes: int | None = None
        self._lingered: int | None = None
        self.known = False

    # Called by the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a place in the lobby, which may close the connection that has been idle longest."""
        super().connection_made(transport)
        self._since = self._heard_at = self.loop.time()
        if not self._lobby.enter(self):
            HTTP_REFUSED.labels(self._limits.service, "closed", "no_place").inc()
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._lobby.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the rest is being discarded; stop at the first limit that is exceeded."""
        if self._lingered is not None:
            self._lingered += len(data)
            if self._lingered > (LINGER_BYTES if self.known else LINGER_BYTES_OF_STRANGERS):
                self.transport.abort()
            return
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._heard_at = self.loop.time()
        if self._in_body:
            self._raw_body_bytes += len(data)
        else:
            self._head_bytes = len(data) + (self._head_bytes if self._in_head else 0)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # the upgrade is ignored; what follows is not HTTP
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, "malformed_request")))
            return
        if self._in_head and self._head_bytes > self._limits.max_head_bytes:  # an endless header never reaches a callback
            self._refuse(431, "head_too_large")
        elif self._in_body and self._raw_body_bytes > 2 * self._body_bytes + MAX_CHUNKING_BYTES:
            self._refuse(400, "malformed_request")

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: from now on its progress is checked."""
        self._stuck_at, self._stuck_bytes = self.loop.time(), self.transport.get_write_buffer_size()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stuck_bytes = None
        super().resume_writing()

    # Called by the parser

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        if self._in_body:
            self._head_bytes = 0  # these bytes were the end of a body
        self._in_head, self._header_count = True, 0
        self._since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """More of the address arrived."""
        super().on_url(url)
        if len(self.url) > self._limits.max_address_bytes:
            self._stop(414, "address_too_long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header arrived. Trailers are counted and ignored: one could name another caller after the caller was determined."""
        self._header_count += 1
        if self._header_count > self._limits.max_headers:
            self._stop(431, "head_too_large")
        if self._in_head:
            if len(name) + len(value) > self._limits.max_head_bytes:
                self._stop(431, "head_too_large")
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete: the call begins, or waits for the pipelined calls before it."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._stop(400, "malformed_request")
        self._in_head, self._in_body = False, True
        self._body_bytes = self._raw_body_bytes = 0
        self._since = self.loop.time()
        super().on_headers_complete()
        self.cycle.transport = _Answering(self)  # type: ignore[assignment]  # it has the three methods that a cycle calls
        self._lobby.busy(self)

    def on_body(self, body: bytes) -> None:
        """More of the body arrived."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answered: the next call begins, or the connection is idle."""
        self.known = self.known or CALLER in self.cycle.scope
        if self._lingered is not None:
            self.server_state.total_requests += 1
            return
        super().on_response_complete()
        if not self._in_head and not self._in_body:
            self._since = self.loop.time()
        if self.cycle.response_complete:
            self._lobby.idle(self)

    # Deadlines

    def overdue(self, now: float) -> None:
        """Called periodically: end a connection whose client takes too long. Our own delays do not count."""
        limits = self._limits
        waited = now - self._since
        if self._lingered is not None:
            if waited > limits.linger_seconds:
                self.transport.abort()
        elif self._unread_for_too_long(now):
            HTTP_REFUSED.labels(limits.service, "closed", "answer_not_read").inc()
            self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self._in_head or self.cycle is None:
            if waited > limits.head_seconds:  # without an answer: a client that sends half a request does not read one
                self.transport.abort()
        elif self._in_body:
            if self.flow.read_paused or self.cycle.waiting_for_100_continue:
                self._heard_at = self._since = now
            elif now - self._heard_at > limits.body_pause_seconds or self._too_slow(waited):
                self._too_late_with_its_body()
        elif self.cycle.response_complete and waited > limits.idle_seconds:
            self.transport.close()

    def _too_late_with_its_body(self) -> None:
        if self.cycle.response_complete:  # it has its answer, and only the unneeded rest of its body is late
            self.transport.close()
        else:
            self._refuse(408, "body_timeout")

    def _too_slow(self, waited: float) -> bool:
        return waited > self._limits.body_pause_seconds + self._body_bytes / self._limits.body_bytes_per_second

    def _unread_for_too_long(self, now: float) -> bool:
        """Whether the client has read almost nothing of a pending answer for `answer_pause_seconds`."""
        waiting = self.transport.get_write_buffer_size()
        if not waiting:
            self._stuck_bytes = None
            return False
        took = self._limits.body_bytes_per_second * self._limits.answer_pause_seconds if self.flow.write_paused else 1
        if self._stuck_bytes is None or (not self.flow.write_paused and waiting < self._stuck_bytes):
            self._stuck_at, self._stuck_bytes = now, waiting
        if now - self._stuck_at < self._limits.answer_pause_seconds:
            return False
        if waiting <= self._stuck_bytes - took:
            self._stuck_at, self._stuck_bytes = now, waiting
            return False
        return True

    # Ending a connection

    def _stop(self, status: int, code: str) -> None:
        self._refusal = status, code
        raise _Stopped

    def _refuse(self, status: int, code: str) -> None:
        """Answer with a problem if no answer has begun, and end the connection."""
        HTTP_REFUSED.labels(self._limits.service, str(status), code).inc()
        underway = self.cycle is not None and not self.cycle.response_complete
        if underway and (self.pipeline or self.cycle.response_started or not self._in_body):  # it would land in the middle of an answer
            self.transport.abort()
            return
        headers, body = rendered(plain(code, status), "", None, self._limits.public_url)
        said = {**headers, "Content-Length": str(len(body)), "Cache-Control": "no-store", "Connection": "close"}
        head = b"".join(name.lower().encode() + b": " + value.encode() + b"\r\n" for name, value in said.items())
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + body)
        if underway:
            self.cycle.disconnected = True  # the app sees a disconnect, and anything that it still sends is dropped
            self.cycle.message_event.set()
        self.linger()

    def finish(self) -> None:
        """End the connection after an answer, so that a client that is still sending does not lose the answer."""
        if self._in_body and not self.transport.is_closing():
            self.linger()
        else:
            self.transport.close()

    def linger(self) -> None:
        """Stop sending and discard what arrives, until the client closes the connection or its time is over."""
        if self._lobby.lingering >= self._lobby.max_lingering or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._lobby.lingering += 1
        self._lingered = 0
        self._since = self.loop.time()
        self.transport.write_eof()
        self.flow.resume_reading()

    @property
    def lingers(self) -> bool:
        """Whether it only waits for the client to read the answer."""
        return self._lingered is not None


class _Answering:
    """The transport as a call sees it: closing it goes through the door."""

    __slots__ = ("_door", "is_closing", "write")

    def __init__(self, door: Door) -> None:
        self._door = door
        self.write: Callable[[bytes], None] = door.transport.write
        self.is_closing: Callable[[], bool] = door.transport.is_closing

    def close(self) -> None:
        self._door.finish()


class _Stopped(Exception):  # noqa: N818  (not an error: it stops the parser, which wraps it in one of its own)
    """A limit was exceeded in the middle of a head."""
