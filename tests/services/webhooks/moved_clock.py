"""One store of the webhook service on a database of its own, in which no worker runs: the test is the worker, and moves the clock."""

import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import resolve
from services.webhooks.commands.deliveries import Of, Outcome, lease_due, record_attempts
from services.webhooks.commands.endpoints import create_endpoint, edit_endpoint
from services.webhooks.commands.feed import erase, record
from services.webhooks.requests import EndpointEditInput, EndpointInput
from services.webhooks.settings import WebhookSettings
from services.webhooks.state import Endpoint, Leased
from services.webhooks.tables import metadata
from shared.contracts.actor import Actor
from shared.contracts.events import CustomerErased, Envelope, Event
from shared.data.db import Database
from tests.services.kernel.lab import an_event
from tests.stack import PROJECT, Stack, new_stack


class Clocked:
    """The store; `now` is its clock."""

    def __init__(self, stack: Stack) -> None:
        self.store = f"store-{uuid.uuid4().hex[:8]}"
        self.staff = Actor(self.store, "staff", "staff-1")
        self.now = datetime.now(UTC)
        self.settings = _settings(stack)
        self.database = Database(self.settings, metadata)
        self._sequence = 0

    async def endpoint(self, **wanted: Any) -> Endpoint:
        """A new endpoint; nothing is really sent to it."""
        async with self.database.transaction("test") as tx:
            request = EndpointInput(url="https://hooks.example/in", **wanted)
            return (await create_endpoint(tx, self.staff, request, settings=self.settings, now=self.now))[0]

    async def edit(self, endpoint: Endpoint, **wanted: Any) -> Endpoint:
        """Change an endpoint."""
        async with self.database.transaction("test") as tx:
            return await edit_endpoint(
                tx,
                self.staff,
                endpoint.endpoint_id,
                EndpointEditInput(**wanted),
                settings=self.settings,
                expected_version=None,
                now=self.now,
            )

    async def happens(self, event: Event | None = None) -> Envelope:
        """An event arrives."""
        made = event or an_event(occurred_at=self.now)
        envelope = self.envelope(made)
        async with self.database.transaction("test") as tx:
            await record(tx, made, envelope)
            if isinstance(made, CustomerErased):
                await erase(tx, made, envelope)
        return envelope

    def envelope(self, event: Event) -> Envelope:
        """What it arrives in."""
        self._sequence += 1
        return Envelope(
            id=uuid.uuid4(), type=event.type, source="documents", subject=event.subject, store_id=self.store, sequence=self._sequence,
            occurred_at=self.now, recorded_at=self.now, received_at=self.now,
        )  # fmt: skip

    async def lease(self, *, free: int = 100, calls: Mapping[Of, int] | None = None) -> list[Leased]:
        """What is due now in this store, of the `free` that are leased for all."""
        async with self.database.transaction("test") as tx:
            timeout = self.settings.delivery_timeout_seconds
            leased = await lease_due(tx, calls or {}, per_store=100, free=free, timeout_seconds=timeout, now=self.now)
        return [one for one in leased if one.store_id == self.store]

    async def answer(self, *leased: Leased, status: int | None = 500, retry_after: str | None = None) -> None:
        """Each of these was answered like this, a second after it was sent."""
        began, self.now = self.now, self.now + timedelta(seconds=1)
        failed = "delivered" if status == 200 else "not_accepted"
        done = [Outcome(one, began, self.now, status, failed, "", "", retry_after, "203.0.113.1", {}) for one in leased]
        async with self.database.transaction("test") as tx:
            await record_attempts(tx, done, now=self.now)


def _settings(stack: Stack) -> WebhookSettings:
    given = {name.removeprefix("AFTERSALE_").lower(): value for name, value in stack.settings.items()}
    return WebhookSettings.model_validate(
        given | {"service": "webhooks", "database_url": stack.database_url("webhooks"), "amqp_url": stack.amqp_url}
    )


@contextmanager
def idle_stack(stack: Stack, folder: Path) -> Iterator[Stack]:
    """A database and a namespace of its own, on the servers of `stack`, on which nothing runs."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AFTERSALE_POSTGRES_ADMIN_URL", stack.postgres_url)
        environment.setenv("AFTERSALE_AMQP_ADMIN_URL", stack.amqp_url)
        servers = resolve(PROJECT, "test", lambda line: None)
        made = new_stack(servers, folder, "idle")
    try:
        yield made
    finally:
        made.stop()
        servers.stop()


@asynccontextmanager
async def clocked(stack: Stack) -> AsyncIterator[Clocked]:
    """A store with a clock of its own."""
    made = Clocked(stack)
    try:
        yield made
    finally:
        await made.database.close()
