"""Sends calls: one pool of connections, one caller; repeats what can be repeated, and raises a failure as what it is."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import httpx2
from pydantic import TypeAdapter

from kit.client.answer import Answer
from kit.client.call import Call
from kit.client.download import Download
from kit.client.problems import ClientError, NoAnswer, problem_of
from kit.client.retrying import Patience, pause_before_repeat
from kit.client.streams import Position, StreamEvent, frames

Token = str | Callable[[], Awaitable[str]]
"""A bearer token, or what returns one that is still valid; it is called before every attempt."""

JSON = TypeAdapter[Any](Any)
PAGE = 200
RECONNECT_SECONDS = 1.0
SILENCE_SECONDS = 45.0
"""A stream that is silent for three heartbeats is dead."""
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

A = TypeVar("A", bound=Answer)
T_co = TypeVar("T_co", covariant=True)


class Paged(Protocol[T_co]):
    """A page of a list."""

    @property
    def items(self) -> Sequence[T_co]:
        """May be empty although there is a next page."""

    @property
    def next_cursor(self) -> str | None:
        """None on the last page."""


class PageOf(Protocol[T_co]):
    """The class of a page."""

    def received(self, content: bytes, etag: str | None, *, replayed: bool) -> Paged[T_co]:
        """A page from an answer."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One caller of one address. `customer_id` is the customer on whose behalf a platform calls."""

    http: httpx2.AsyncClient
    token: Token
    patience: Patience
    customer_id: str | None = None

    def on_behalf_of(self, customer_id: str) -> "Connection":
        """The same connections, for calls on behalf of a customer."""
        return replace(self, customer_id=customer_id)

    async def answer(self, kind: type[A], call: Call) -> A:
        """The answer to a call. Raises ClientError."""
        return _received(kind, await self._sent(call))

    async def answer_if_changed(self, kind: type[A], call: Call) -> A | None:
        """The answer to a call with If-None-Match, or None if it still matches. Raises ClientError."""
        response = await self._sent(call)
        return None if response.status_code == httpx2.codes.NOT_MODIFIED else _received(kind, response)

    async def nothing(self, call: Call) -> None:
        """A call whose answer is empty. Raises ClientError."""
        await self._sent(call)

    async def items(self, page: PageOf[T_co], call: Call) -> AsyncIterator[T_co]:
        """Every item of a list, page by page. Raises ClientError."""
        cursor: str | None = None
        while True:
            response = await self._sent(replace(call, query={**call.query, "limit": PAGE, "cursor": cursor}))
            one = page.received(response.content, None, replayed=False)
            for item in one.items:
                yield item
            if (cursor := one.next_cursor) is None:
                return

    @asynccontextmanager
    async def download(self, call: Call) -> AsyncIterator[Download]:
        """The content of a binary answer, once its head has arrived. Raises ClientError."""
        response = await self._sent(call, stream=True)
        try:
            yield Download(response)
        finally:
            await response.aclose()

    async def follow(self, call: Call, last_event_id: int | None) -> AsyncGenerator[StreamEvent, None]:
        """The events of a live stream, without end: it connects again after the last event. Raises ClientError if that is in vain.

        The connection is closed with the generator (contextlib.aclosing).
        """
        last = last_event_id
        while True:
            try:
                async with aclosing(self._frames(call, last)) as found:
                    async for frame in found:
                        last = frame.id
                        if not isinstance(frame, Position):
                            yield frame
            except httpx2.HTTPError:
                pass  # it broke off, which is how most streams end
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _frames(self, call: Call, last: int | None) -> AsyncGenerator[StreamEvent | Position, None]:
        response = await self._sent(
            call, stream=True, headers={} if last is None else {"Last-Event-ID": str(last)}, silence=SILENCE_SECONDS
        )
        try:
            async for frame in frames(response.aiter_lines()):
                yield frame
        finally:
            await response.aclose()

    async def _sent(
        self, call: Call, *, stream: bool = False, headers: dict[str, str] | None = None, silence: float | None = None
    ) -> httpx2.Response:
        """A successful answer or a 304. The request is built once, so that a repeat sends the same bytes under the same key."""
        request = self._request(call, headers or {}, silence)
        began, attempt = time.monotonic(), 0
        while True:
            request.headers["Authorization"] = f"Bearer {self.token if isinstance(self.token, str) else await self.token()}"
            try:
                return await self._once(request, stream=stream)
            except ClientError as failure:
                pause = pause_before_repeat(
                    failure,
                    self.patience,
                    repeatable=call.repeatable,
                    attempt=attempt,
                    elapsed=time.monotonic() - began,
                    spread=random.random(),  # noqa: S311  (spreads clients over time; nothing secret)
                )
                if pause is None:
                    raise
            await asyncio.sleep(pause)
            attempt += 1

    async def _once(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        try:
            response = await self.http.send(request, stream=stream)
            if response.is_success or response.status_code == httpx2.codes.NOT_MODIFIED:
                return response
            content = await response.aread()
            await response.aclose()
        except httpx2.HTTPError as error:
            why = f"{request.method} {request.url.path}: {type(error).__name__} {error}".rstrip()
            raise NoAnswer(why, sent=not isinstance(error, NEVER_SENT)) from error
        raise problem_of(response.status_code, content, response.headers.get("retry-after"), now=datetime.now(UTC))

    def _request(self, call: Call, headers: dict[str, str], silence: float | None) -> httpx2.Request:
        sent = call.conditions | headers
        customer = [] if self.customer_id is None else [(b"On-Behalf-Of", self.customer_id.encode())]
        content = call.content
        if call.body is not None:
            content, sent["Content-Type"] = JSON.dump_json(call.body), "application/json"
        elif call.media_type is not None:
            sent["Content-Type"] = call.media_type
        return self.http.build_request(
            call.method,
            call.path,
            params=call.parameters,
            content=content,
            files={name: (file.name, file.content, file.media_type) for name, file in call.files.items()} or None,
            data={name: value for name, value in call.form.items() if value is not None} or None,
            headers=[*((name.encode(), value.encode("latin-1")) for name, value in sent.items()), *customer],  # as the server reads them
            timeout=httpx2.USE_CLIENT_DEFAULT if silence is None else httpx2.Timeout(silence),
        )


def _received(kind: type[A], response: httpx2.Response) -> A:
    return kind.received(response.content, response.headers.get("etag"), replayed=response.headers.get("idempotent-replayed") == "true")
