"""The front door: everything that a request's head can decide is decided here, before a byte of its body is read.

It is the outermost layer, without FastAPI, a span or a log line, so that refusing a flood is cheap. It checks in this order: does the
address exist, is the caller known, do they call too often, may their role call this at all, are the required headers there, and does
the route accept a body of the announced type and size. Checks that need stored rows are made later, by the service's rules.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.contracts.actor import MAX_ID_CHARACTERS, WHO, Actor, is_name
from shared.contracts.errors import Failure, FieldError, Forbidden, Invalid, TooLarge, TooMany, Unauthenticated
from shared.data.idempotency import MAX_KEY_CHARACTERS
from shared.data.metrics import HTTP_REFUSED
from shared.data.shares import current_caller, current_store
from shared.web.problems import BadKey, plain, rendered
from shared.web.public import PublicAnswers
from shared.web.rates import Buckets, UnderWay
from shared.web.routes import ROUTE, Way, Ways
from shared.web.segments import path_of
from shared.web.serving import Serving
from shared.web.settings import WebSettings
from shared.web.tokens import Tokens

CALLER = "aftersale.caller"  # the scope's key for the Caller that this module found
DRAINED_BYTES = 16_000
"""An unread body up to this size is drained, so that the connection can be reused; with a larger one the connection is closed."""
BAD_TOKENS_KEPT, BAD_TOKEN_SECONDS = 1_024, 2.0
WANTED = frozenset(
    (
        b"authorization", b"on-behalf-of", b"content-length", b"transfer-encoding", b"content-type", b"idempotency-key", b"if-match",
        b"traceparent", b"x-request-id",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller, from the token and On-Behalf-Of; `until` is the Unix second at which the token expires."""

    actor: Actor
    until: float


@dataclass(slots=True)
class _Head:
    """The headers that the checks need; of several with one name, the first."""

    path: str
    found: dict[bytes, bytes]

    @classmethod
    def of(cls, scope: Scope) -> "_Head":
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in WANTED:
                found.setdefault(name, value)
        return cls(scope["path"], found)

    def text(self, name: bytes) -> str | None:
        value = self.found.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def on_behalf_of(self) -> str | None:
        """The customer's id, in UTF-8 like every other id: a header is bytes."""
        value = self.found.get(b"on-behalf-of")
        try:
            return None if value is None else value.decode()
        except UnicodeDecodeError:
            return self.text(b"on-behalf-of")

    @property
    def body_bytes(self) -> float:
        """The announced size of the body; infinite if it is chunked."""
        if b"transfer-encoding" in self.found:
            return float("inf")
        length = self.found.get(b"content-length", b"0")
        return int(length) if length.isdigit() else float("inf")

    @property
    def trace_id(self) -> str | None:
        parts = self.found.get(b"traceparent", b"").split(b"-")
        return parts[1].decode("latin-1") if len(parts) == 4 and len(parts[1]) == 32 and parts[1].isalnum() else None


@dataclass(slots=True)
class _Call:
    """One admitted call: headers for its answer, the counters that include it, and how much of its body is still to come."""

    max_body_bytes: int
    body_bytes: float
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    counted: list[tuple[UnderWay, str]] = field(default_factory=list)
    read_bytes: int = 0
    complete: bool = False

    def leave(self) -> None:
        for counter, key in self.counted:
            counter.leave(key)


class Gate:
    """ASGI app around a service's app."""

    def __init__(self, app: ASGIApp, running: Serving, ways: Ways) -> None:
        settings = running.settings
        self._app = app
        self._service = running.service.name
        self._settings = settings
        self._ways = ways
        self._known = _KnownTokens(running.tokens)
        self._limits = _Limits(settings)
        self._public = PublicAnswers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the call or pass it to the app."""
        if scope["type"] != "http":
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        head = _Head.of(scope)
        call = _Call(self._settings.max_small_body_bytes, head.body_bytes)
        try:
            try:
                way = self._admit(scope, head, call)
            except Failure as failure:
                await self._refuse(failure, head, call, send)
                return
            send = _completed(call, send)
            if way.needs_token or not way.safe:
                await self._app(scope, _bounded(call, receive), send)
            elif not await self._public.again(way.template, scope, send):
                await self._app(scope, _bounded(call, receive), self._public.keeping(way.template, scope, send))
        finally:
            call.leave()

    def _admit(self, scope: Scope, head: _Head, call: _Call) -> Way:
        """The route. Puts the caller into the scope and the limits into `call`. Raises the Failure that the head causes."""
        way = self._way(scope["method"], path_of(scope))
        scope[ROUTE] = way.template
        if way.max_body_bytes is not None:
            call.max_body_bytes = way.max_body_bytes
        if way.needs_token:
            call.headers.append((b"vary", b"Authorization, On-Behalf-Of"))
            issued, until = self._known.actor(head.text(b"authorization"))
            self._limits.enter(issued, call, stream=way.stream)
            actor = _acting(issued, head.on_behalf_of)
            _check_conditions(way, actor, head)
            if b"%00" in scope["query_string"]:
                raise Invalid("nul_character", "Text may not contain the character U+0000.")
            scope[CALLER] = Caller(actor, until)
            current_store.set(actor.store)
            current_caller.set(f"{actor.role}:{actor.id}")
        if head.body_bytes > call.max_body_bytes and b"transfer-encoding" not in head.found:
            raise _too_large(call)
        if call.body_bytes and way.json and not _is_json(head.text(b"content-type") or ""):
            raise _NotJson("unsupported_media_type", "Send application/json.")
        if way.needs_token and way.json and min(call.body_bytes, call.max_body_bytes) > self._settings.max_small_body_bytes:
            self._limits.enter_large(issued, call)
        return way

    def _way(self, method: str, path: str) -> Way:
        ways = {} if "\x00" in path else self._ways.at(path)  # PostgreSQL text cannot contain it, so no address does
        way = ways.get(method)
        if way is not None:
            return way
        if not ways:
            raise plain("no_such_route", 404)
        failure = plain("method_not_allowed", 405)
        failure.headers = {"Allow": ", ".join(sorted({*ways, "HEAD"} if "GET" in ways else ways))}
        raise failure

    async def _refuse(self, failure: Failure, head: _Head, call: _Call, send: Send) -> None:
        HTTP_REFUSED.labels(self._service, str(failure.status), failure.code).inc()
        ours, body = rendered(failure, head.path, head.trace_id, self._settings.public_url)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in ours.items()]
        headers += [(b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        request_id = head.found.get(b"x-request-id", b"")[:128]
        if request_id:
            headers.append((b"x-request-id", request_id))
        answer = _completed(call, send)
        await answer({"type": "http.response.start", "status": failure.status, "headers": headers})
        await answer({"type": "http.response.body", "body": body})


class _KnownTokens:
    """Maps bearer tokens to actors. A token that was refused a moment ago is refused again without verification."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._bad: OrderedDict[str, tuple[Failure, float]] = OrderedDict()

    def actor(self, authorization: str | None) -> tuple[Actor, float]:
        """Raises Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(detail="Send Authorization: Bearer <token>.")
        refused = self._bad.get(token)
        if refused is not None and time.monotonic() < refused[1]:
            raise refused[0].with_traceback(None)
        try:
            return self._tokens.actor(token)
        except Unauthenticated as failure:
            if len(token) <= 2_000:
                self._bad[token] = failure, time.monotonic() + BAD_TOKEN_SECONDS
                if len(self._bad) > BAD_TOKENS_KEPT:
                    self._bad.popitem(last=False)
            raise


class _Limits:
    """Limits how often, and how many at once, a token and a store may call this process."""

    def __init__(self, settings: WebSettings) -> None:
        self._token = Buckets("token", settings.token_calls_per_second, time.monotonic)
        self._store = Buckets("store", settings.store_calls_per_second, time.monotonic)
        self._policy = ", ".join(one.policy for one in (self._token, self._store) if one.limit is not None).encode()
        self._calls_of_token = UnderWay(settings.token_calls_at_once)
        self._calls_of_store = UnderWay(settings.store_calls_at_once)
        self._large_of_token = UnderWay(settings.token_large_bodies_at_once)
        self._large_of_store = UnderWay(settings.store_large_bodies_at_once)
        self._streams = UnderWay(settings.token_streams, settings.streams_per_process)

    def enter(self, actor: Actor, call: _Call, *, stream: bool) -> None:
        """Count the call against its limits and add the remaining quota to its headers. Raises TooMany."""
        token = _token(actor)
        both = ((self._token, token), (self._store, actor.store))
        waits = [bucket.wait_seconds(key) for bucket, key in both]
        if self._policy:
            told = ", ".join(bucket.told(key) for bucket, key in both if bucket.limit is not None)
            call.headers += [(b"ratelimit-policy", self._policy), (b"ratelimit", told.encode("latin-1", "replace"))]
        if any(waits):
            raise TooMany(
                "rate_limited", "Too many calls in a short time: wait as long as Retry-After says.", retry_after_seconds=max(waits)
            )
        if stream:
            self._count(call, self._streams, token, TooMany("too_many_streams", "Close a stream first.", retry_after_seconds=30))
            return
        busy = TooMany("too_many_calls", "Too many calls are in progress: wait for answers before you send more.", retry_after_seconds=1)
        self._count(call, self._calls_of_token, token, busy)
        self._count(call, self._calls_of_store, actor.store, busy)

    def enter_large(self, actor: Actor, call: _Call) -> None:
        """Count a body that is held in memory until it is complete. Raises TooMany."""
        busy = TooMany("too_many_calls", "Too many large bodies are in progress: wait for an answer first.", retry_after_seconds=1)
        self._count(call, self._large_of_token, _token(actor), busy)
        self._count(call, self._large_of_store, actor.store, busy)

    @staticmethod
    def _count(call: _Call, counter: UnderWay, key: str, refusal: TooMany) -> None:
        if not counter.enter(key):
            raise refusal
        call.counted.append((counter, key))


def _token(actor: Actor) -> str:
    return f"{actor.store}\n{actor.role}\n{actor.id}"


def _acting(issued: Actor, on_behalf_of: str | None) -> Actor:
    """The actor: the token's own, or the customer on whose behalf a platform calls."""
    if on_behalf_of is None:
        return issued
    if issued.role != "platform":
        raise Forbidden("on_behalf_of_platform_only", "Only a platform may act on behalf of its customer.")
    if not is_name(on_behalf_of):
        detail = f"A customer's id has 1 to {MAX_ID_CHARACTERS} characters, none of them a control character."
        wrong = FieldError("header:On-Behalf-Of", "bad_name", detail)
        raise Invalid("invalid", f"{wrong.pointer}: {wrong.message}", errors=(wrong,))
    return replace(issued, role="customer", id=on_behalf_of, via=f"{issued.role}:{issued.id}")


def _check_conditions(way: Way, actor: Actor, head: _Head) -> None:
    """Check role, scope, and the headers that a change needs. Raises Forbidden, Invalid."""
    if way.shop_only and not actor.is_shop:
        raise Forbidden("shop_only", WHO["shop_only"])
    if way.safe:
        return
    if actor.read_only:
        raise Forbidden("read_only", WHO["read_only"])
    key = head.text(b"idempotency-key")
    if key is None and way.needs_key:
        raise BadKey("idempotency_key_missing", "Send an Idempotency-Key header: a unique value for each new operation.")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise BadKey("idempotency_key_invalid", f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} characters.")
    version_of(head.text(b"if-match"))


def version_of(if_match: str | None) -> int | None:
    """The version that If-Match names; the part after the dot identifies the representation and is ignored. None for `*` or no header.

    Raises Invalid `bad_etag`.
    """
    text = (if_match or "*").strip()
    if text == "*":
        return None
    number, _, digest = text[2:-1].partition(".")
    ours = text.startswith('"v') and text.endswith('"') and len(text) < 64 and number.isascii() and number.isdigit() and len(number) < 20
    if not ours or not (digest.isalnum() or "." not in text):
        raise Invalid("bad_etag", 'If-Match must be one ETag from this API, such as "v7" or "v7.0123456789abcdef".')
    return int(number)


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _too_large(call: _Call) -> TooLarge:
    return TooLarge(detail=f"A request body has at most {call.max_body_bytes} bytes here.")


def _without_body(send: Send) -> Send:
    """`send` for a HEAD, which is answered like its GET but without the body.

    A response that would go on sending a body is cancelled: once the answer is complete, the server reports that the client is gone.
    """
    begun = False

    async def only_head(message: Message) -> None:
        nonlocal begun
        if not begun:
            begun = True
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return only_head


def _bounded(call: _Call, receive: Receive) -> Receive:
    """`receive` with the size limit, for bodies sent without a length. Raises TooLarge."""

    async def bounded() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            call.read_bytes += len(message.get("body", b""))
            call.complete = not message.get("more_body", False)
            if call.read_bytes > call.max_body_bytes:
                raise _too_large(call)
        return message

    return bounded


def _completed(call: _Call, send: Send) -> Send:
    """`send` that adds the headers of every answer, and closes the connection if a body is still to come that nobody will read."""

    async def completed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = [*message.get("headers", ()), *call.headers]
            if not call.complete and call.body_bytes - call.read_bytes > DRAINED_BYTES:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await send(message)

    return completed


class _NotJson(Invalid):
    """A content type other than JSON, or none."""

    status, title = 415, "Unsupported media type"
