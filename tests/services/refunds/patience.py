"""A client that insists: the same wish with the same key until there is an answer, whatever dies meanwhile."""

import asyncio
import time
import uuid
from typing import Any

import httpx2

from tests.shop import PATIENCE_SECONDS, Answer, Caller


async def insist(caller: Caller, path: str, json: Any, seconds: float = PATIENCE_SECONDS) -> Answer:
    """The answer of a POST; repeated with the same Idempotency-Key while the service is away, busy or out of connections."""
    key, deadline = uuid.uuid4().hex, time.monotonic() + seconds
    while True:
        try:
            answer = await caller.post(path, json=json, key=key)
            if answer.status not in (429, 503) and answer.code != "in_progress":
                return answer
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, f"no answer to {path}"
        await asyncio.sleep(0.05)
