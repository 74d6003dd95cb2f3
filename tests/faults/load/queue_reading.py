"""The stranger's program on a queue of a store's own, killed and started again at random."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deploy.operator.databases import as_user
from shared.contracts.ids import uuid_of
from tests.faults.load.clients import Client
from tests.faults.load.oracle import PUBLIC, whole_feed
from tests.faults.load.reading import Reading
from tests.faults.load.receiving import AGAIN_SECONDS
from tests.faults.load.world import World
from tests.services.webhooks.queue_operator import Operator

QUEUE_BYTES = 50_000_000
READY_SECONDS = 120.0
LOOK_SECONDS = 0.5


class QueueReading(Reading):
    """Its store has an endpoint of the kind amqp. An event may come more than once, and takes effect once by its id."""

    source = "queue"

    def __init__(self, owner: Client, folder: Path, rng: random.Random) -> None:
        super().__init__(owner.store, "", "", folder, rng)
        self.owner = owner
        self.queue = ""
        self.asked_at = 0.0

    @asynccontextmanager
    async def opened(self, world: World) -> AsyncIterator[None]:
        """The operator runs, and the queue is there."""
        operator = Operator(world.stack, queue_bytes=QUEUE_BYTES)
        operator.start()
        try:
            made = await self._made()
            theirs = as_user(world.stack.amqp_url, made["queue"]["username"], made["secret"])
            vhost = "/" + made["queue"]["vhost"]
            self.address, self.queue = world.broker.url(urlunsplit(urlsplit(theirs)._replace(path=vhost))), made["queue"]["queue"]
            yield
        finally:
            await asyncio.to_thread(operator.stop)

    async def _made(self) -> Any:
        path, deadline = "/v1/webhooks/endpoints", time.monotonic() + READY_SECONDS
        while True:
            answer = await self.owner.answered("platform", "webhooks", path, uuid.uuid4().hex, {"kind": "amqp"})
            assert answer is not None, "the shop did not answer"
            if answer.status_code == 201:
                break
            assert answer.json()["code"] == "amqp_endpoints_not_available", answer.text
            assert time.monotonic() < deadline, "no operator has been seen"
            await asyncio.sleep(LOOK_SECONDS)
        made = answer.json()
        while not await self._is_ready(f"{path}/{made['endpoint_id']}"):
            assert time.monotonic() < deadline, "the queue was not made"
            await asyncio.sleep(LOOK_SECONDS)
        return made

    async def _is_ready(self, path: str) -> bool:
        """Whether the queue may be used; only then is it old enough to survive the broker's death."""
        answer = await self.owner.attempt("platform", "webhooks", "GET", path)
        return answer is not None and answer.status_code == 200 and answer.json()["queue"]["state"] == "ready"

    def _arguments(self) -> tuple[str, ...]:
        return self.address, self.queue

    def _taken(self) -> dict[str, int]:
        return dict.fromkeys(super()._taken(), 1)

    async def has_read_everything(self, world: World) -> bool:
        """Whether the program has every public event. What waits is asked for again: the schedule of failed attempts takes days."""
        mine = "select 1 from webhooks.deliveries where store_id = $1 and endpoint_id::text = $2 and state = 'waiting' limit 1"
        waiting = await world.sql(mine, self.store, str(uuid_of("endpoint", self.queue)))
        if waiting and time.monotonic() > self.asked_at + AGAIN_SECONDS:
            self.asked_at = time.monotonic()
            path, key = f"/v1/webhooks/endpoints/{self.queue}/replay", {"Idempotency-Key": uuid.uuid4().hex}
            await self.owner.attempt("platform", "webhooks", "POST", path, headers=key, body={"state": "waiting"})
        events = await whole_feed(world, self.store)
        return not waiting and events == len({row[0] for row in await world.sql(PUBLIC, self.store)} & self._taken().keys())
