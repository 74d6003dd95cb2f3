"""What surrounds every HTTP call: a span, a request id, a log line, a duration; and the plain 413 made a problem like any other."""

import json
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.telemetry import HTTP_SECONDS, current_trace_id, served

log = structlog.get_logger()

MAX_REQUEST_ID_BYTES = 128
UNLOGGED = ("/health", "/metrics")


class Observed:
    """Outermost ASGI middleware of a service."""

    def __init__(self, app: ASGIApp, service: str, max_body_bytes: int) -> None:
        self.app = app
        self.service = service
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        answer = _Answer(send, headers.get(b"x-request-id", b"")[:MAX_REQUEST_ID_BYTES], scope["path"], self.max_body_bytes)
        if "\x00" in scope["path"]:
            scope["path"] = "/nul"  # PostgreSQL text cannot hold it; no route has this path: a 404 like any other
        began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        with served(scope["method"], scope["path"], headers.get(b"traceparent", b"").decode("latin-1")):
            try:
                await self.app(scope, receive, answer.send)
            finally:
                took = time.perf_counter() - began
                route = getattr(scope.get("route"), "path", "unmatched")
                HTTP_SECONDS.labels(self.service, scope["method"], route, answer.status).observe(took)
                if not route.startswith(UNLOGGED):
                    log.info("http", method=scope["method"], path=scope["path"], status=answer.status, ms=round(took * 1000, 1))


class _Answer:
    """Watches what is sent: keeps the status, echoes X-Request-Id, and turns Starlette's plain 413 into a problem."""

    def __init__(self, send: Send, request_id: bytes, path: str, max_body_bytes: int) -> None:
        self._send = send
        self._request_id = request_id
        self._path = path
        self._max_body_bytes = max_body_bytes
        self._too_large: Message | None = None
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._request_id:
                message["headers"] = [*message["headers"], (b"x-request-id", self._request_id)]
            if self.status == 413 and (b"content-type", b"text/plain; charset=utf-8") in message["headers"]:
                self._too_large = message
                return
        elif self._too_large is not None:
            start, self._too_large = self._too_large, None
            body = json.dumps(self._problem()).encode()
            kept = [header for header in start["headers"] if header[0] not in (b"content-type", b"content-length")]
            start["headers"] = [*kept, (b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
            await self._send(start)
            message = {"type": "http.response.body", "body": body}
        await self._send(message)

    def _problem(self) -> dict[str, object]:
        return {
            "type": "/problems/too_large",
            "title": "Too large",
            "status": 413,
            "code": "too_large",
            "detail": f"A request body has at most {self._max_body_bytes} bytes here.",
            "instance": self._path,
            "trace_id": current_trace_id(),
        }
