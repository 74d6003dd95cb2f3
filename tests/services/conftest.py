"""A database and a namespace of a test's own, for tests that start and stop whole services."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2
import pytest

from deploy.local.servers import resolve
from shared.contracts.actor import Actor
from shared.web.tokens import issue
from tests.shop import ISSUER, order_p
from tests.stack import PROJECT, Stack, new_stack

CALLS_AT_ONCE = 8


@pytest.fixture
async def alone(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    """A database and a namespace of its own, on the same servers, in which nothing runs yet."""
    monkeypatch.setenv("AFTERSALE_POSTGRES_ADMIN_URL", stack.postgres_url)
    monkeypatch.setenv("AFTERSALE_AMQP_ADMIN_URL", stack.amqp_url)
    servers = await asyncio.to_thread(resolve, PROJECT, "test", lambda line: None)
    made = await asyncio.to_thread(new_stack, servers, tmp_path, "apart")
    try:
        yield made
    finally:
        await asyncio.to_thread(made.stop)
        await asyncio.to_thread(servers.stop)


async def place(stack: Stack, urls: Sequence[str], orders: int) -> set[str]:
    """So many orders, each sent to all of these APIs at the same time under one key; the ids that were answered."""
    actor = Actor(f"store-{uuid.uuid4().hex[:8]}", "platform", "p")
    token = issue(stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=600, now=time.time())
    slots = asyncio.Semaphore(CALLS_AT_ONCE)
    async with httpx2.AsyncClient(timeout=60) as client:

        async def once(url: str, number: int) -> str:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"order-{number}"}
            async with slots:
                answer = await client.post(f"{url}/v1/orders", json=order_p(), headers=headers)
            assert answer.status_code == 201, answer.text
            return str(answer.json()["order_id"])

        return set(await asyncio.gather(*(once(url, number) for number in range(orders) for url in urls)))
