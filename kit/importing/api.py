"""Calls the public APIs and retries calls that got no final answer: every write carries an Idempotency-Key, so a repeat changes nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

from kit.importing.results import CannotImport, Refusal

CALL_SECONDS = 300.0
PATIENCE_SECONDS = 900.0
"""How long a call without a final answer is retried."""
PAUSES_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
CONNECTIONS = 32
PAGE = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer: a result or a refusal."""

    status: int
    body: Any

    @property
    def refusal(self) -> Refusal | None:
        """The problem, if it is one."""
        if self.status < 400:
            return None
        return Refusal(str(self.body.get("code", self.status)), str(self.body.get("detail", "")))


class Api:
    """The services at their base URLs, as one caller."""

    def __init__(self, urls: dict[str, str], token: str) -> None:
        self._urls = urls
        limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._client = httpx2.AsyncClient(timeout=CALL_SECONDS, limits=limits, headers={"Authorization": f"Bearer {token}"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.aclose()

    async def get(self, service: str, path: str, **query: Any) -> Any:
        """The response's body. Raises CannotImport for a refusal, as an import cannot continue without the data."""
        answer = await self._call("GET", service, path, params={name: value for name, value in query.items() if value is not None})
        if answer.refusal is not None:
            raise CannotImport(
                f"{service} answered {path} with {answer.status} {answer.refusal.code}: {answer.refusal.detail}", _fix(answer)
            )
        return answer.body

    async def items(self, service: str, path: str, **query: Any) -> AsyncIterator[Any]:
        """Everything that a list holds, page by page. Raises as get() does."""
        cursor, more = None, True
        while more:
            page = await self.get(service, path, limit=PAGE, cursor=cursor, **query)
            for item in page["items"]:
                yield item
            cursor, more = page["next_cursor"], page["next_cursor"] is not None

    async def post(self, service: str, path: str, body: Any, key: str) -> Answer:
        """The answer, which may be a refusal; a repeat with the same key gets the same answer."""
        return await self._call("POST", service, path, json=body, headers={"Idempotency-Key": key})

    async def put(self, service: str, path: str, body: Any, version: int) -> Answer:
        """Save settings, if they still have the version that was read."""
        return await self._call("PUT", service, path, json=body, headers={"If-Match": f'"v{version}"'})

    async def _call(self, method: str, service: str, path: str, **content: Any) -> Answer:
        """Retry a call without a final answer (none, 429, 5xx, a key in progress). Raises CannotImport after PATIENCE_SECONDS."""
        deadline, attempt, why = time.monotonic() + PATIENCE_SECONDS, 0, ""
        while time.monotonic() < deadline:
            try:
                response = await self._client.request(method, f"{self._urls[service]}{path}", **content)
            except httpx2.HTTPError as error:
                why = f"{type(error).__name__} {error}"
            else:
                answer = Answer(response.status_code, response.json() if response.content else None)
                if response.status_code in (401, 403):
                    problem = answer.body if isinstance(answer.body, dict) else {}
                    raise CannotImport(f"{service} refused the token: {problem.get('code', response.status_code)}.", _fix(answer))
                if (
                    response.status_code < 500
                    and response.status_code != 429
                    and not (answer.refusal and answer.refusal.code == "in_progress")
                ):
                    return answer
                why = f"{response.status_code} {response.text[:200]}"
            await asyncio.sleep(PAUSES_SECONDS[min(attempt, len(PAUSES_SECONDS) - 1)])
            attempt += 1
        raise CannotImport(
            f"{service} did not answer {method} {path} for {PATIENCE_SECONDS:.0f} s: {why}", "run the same import again: it continues"
        )


def _fix(answer: Answer) -> str:
    return "use a platform token of the store: `aftersale token platform --store …`" if answer.status in (401, 403) else ""
