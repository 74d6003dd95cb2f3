"""Clients as they should be: each wish has one key, and is repeated until somebody answers it."""

import asyncio
import time
import uuid
from typing import Any

import httpx2

from shared.contracts.actor import Actor, Role
from shared.web.tokens import issue
from tests.shop import ISSUER, TOKEN_SECONDS, Answer, Caller, Shop

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.2


class PatientCaller(Caller):
    """Repeats a call with its key while nobody answers, the service cannot, or the same call still runs."""

    async def call(self, method: str, path: str, *, key: str | None = "", headers: dict[str, str] | None = None, **content: Any) -> Answer:
        """The answer. Raises AssertionError where there is none in time."""
        if key == "" and method == "POST":
            key = uuid.uuid4().hex
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = await super().call(method, path, key=key, headers=headers, **content)
            except httpx2.TransportError:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if answer.status != 503 and answer.code != "in_progress":
                return answer
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{method} {path} was not answered in {PATIENCE_SECONDS:.0f} s")


class PatientShop(Shop):
    """A store whose callers are patient."""

    def caller(self, role: Role, actor_id: str, *, read_only: bool = False, store: str | None = None) -> Caller:
        """A patient caller of this store."""
        actor = Actor(store or self.store, role, actor_id, read_only=read_only)
        token = issue(self.stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=TOKEN_SECONDS, now=time.time())
        return PatientCaller(self._client, self.stack.urls, token)
