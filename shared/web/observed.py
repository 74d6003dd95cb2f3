"""What every admitted call gets: a span, a request id, a log line, a duration, and the headers of every answer."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.data.metrics import HTTP_SECONDS
from shared.data.traces import served
from shared.web.routes import ROUTE

log = structlog.get_logger()

MAX_REQUEST_ID_BYTES = 128
UNLOGGED = ("/health", "/metrics")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Observed:
    """Outermost ASGI middleware of a service, behind the front door."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app and record the call."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        answer = _Answer(send, headers.get(b"x-request-id", b"")[:MAX_REQUEST_ID_BYTES])
        method = scope["method"] if scope["method"] in METHODS else "other"  # clients must not choose label values
        began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        with served(method, scope["path"], headers.get(b"traceparent", b"").decode("latin-1")):
            try:
                await self.app(scope, receive, answer.send)
            finally:
                took = time.perf_counter() - began
                route = scope.get(ROUTE, "unmatched")
                HTTP_SECONDS.labels(self.service, method, route, answer.status).observe(took)
                if not route.startswith(UNLOGGED):
                    log.info("http", method=method, path=scope["path"], status=answer.status, ms=round(took * 1000, 1))


class _Answer:
    """Notes the status, echoes X-Request-Id, and forbids sniffing content types and caching private answers."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"] = list(message.get("headers", ()))
            named = {name for name, _ in headers}
            if self._request_id:
                headers.append((b"x-request-id", self._request_id))
            if b"x-content-type-options" not in named:
                headers.append((b"x-content-type-options", b"nosniff"))
            if b"cache-control" not in named:
                headers.append((b"cache-control", b"private, no-cache" if b"etag" in named else b"no-store"))
        await self._send(message)
