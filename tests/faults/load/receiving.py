"""Receivers of webhooks among the faults: each verifies what it gets and fails at random; afterwards it has everything that was public."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kit.client import NotVerified, verified
from tests.faults.load.clients import Client
from tests.faults.load.oracle import PUBLIC, whole_feed
from tests.faults.load.world import World
from tests.proxy import Proxy
from tests.services.webhooks.receivers import Receiver, Seen, answering, receiving, resetting, silent

ACCEPTING = answering()
FAILING = {answering(500, b"not now"): 6, silent: 3, resetting: 6, ACCEPTING: 85}
"""Ways to behave, and how often each is chosen of 100 times."""
REFUSED = answering(400, b"not signed by anybody we know")
UP_SECONDS = (2.0, 6.0)
DOWN_SECONDS = (0.3, 2.0)
AGAIN_SECONDS = 4.0
"""How often what still waits at the end is asked for: longer than an attempt, so that none is asked for while it is made."""
TOLERANCE_SECONDS = 240
"""A message whose time is further away may be refused: the worker that signed it lived in another time."""


@dataclass
class Receiving:
    """One store's endpoint and the receiver behind it."""

    owner: Client
    rng: random.Random
    secret: str = ""
    endpoint: str = ""
    accepted: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    failing: bool = True
    asked_at: float = 0.0
    _receiver: Receiver | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Behind an endpoint of its own, and away now and then, until the block is left."""
        async with receiving(self._behave) as self._receiver, Proxy.to(self._receiver.url()) as road:
            wanted = {"url": f"http://127.0.0.1:{road.port}/in", "types": ["*"]}
            answer = await self.owner.answered("platform", "webhooks", "/v1/webhooks/endpoints", uuid.uuid4().hex, wanted)
            assert answer is not None, "the shop did not answer"
            assert answer.status_code == 201, answer.text
            self.secret, self.endpoint = answer.json()["secret"], answer.json()["endpoint_id"]
            weather = asyncio.create_task(self._weather(road))
            try:
                yield
            finally:
                weather.cancel()
                await asyncio.gather(weather, return_exceptions=True)

    async def _weather(self, road: Proxy) -> None:
        while True:
            await asyncio.sleep(self.rng.uniform(*UP_SECONDS))
            if not self.failing:
                return
            await road.cut()
            self.counts["times away"] += 1
            await asyncio.sleep(self.rng.uniform(*DOWN_SECONDS))
            await road.join()

    async def _behave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._receiver is not None
        seen = self._receiver.seen.pop()  # the one that was just read
        event = self._event(seen)
        if event is None:
            await REFUSED(reader, writer)
            return
        behave = self.rng.choices(list(FAILING), list(FAILING.values()))[0] if self.failing else ACCEPTING
        if behave is ACCEPTING:
            self.accepted.add(event)
        await behave(reader, writer)

    def _event(self, seen: Seen) -> str | None:
        """The id of the event in a message; None if it is not to be trusted."""
        try:
            message = verified(seen.body, seen.headers, self.secret)
        except NotVerified:
            sent_at = int(seen.headers.get("webhook-timestamp", "0"))
            if abs(time.time() - sent_at) > TOLERANCE_SECONDS:
                self.counts["signed in another time"] += 1
            else:
                self.wrong.append(f"not verified: {seen.body[:200]!r}")
            return None
        event = str(message["id"])
        if (message["storeid"], seen.headers["webhook-id"]) != (self.owner.store, event):
            self.wrong.append(f"another store's, or under another id: {seen.body[:200]!r}")
        return event

    async def has_everything(self, world: World) -> bool:
        """Whether nothing is left to be sent. What waits is asked for again, since the schedule of failed attempts takes days."""
        waiting = await world.sql("select 1 from webhooks.deliveries where store_id = $1 and state = 'waiting' limit 1", self.owner.store)
        if not waiting:
            return await whole_feed(world, self.owner.store) is not None
        if time.monotonic() > self.asked_at + AGAIN_SECONDS:
            self.asked_at = time.monotonic()
            self.counts["times asked to replay"] += 1
            path = f"/v1/webhooks/endpoints/{self.endpoint}/replay"
            await self.owner.attempt(
                "platform", "webhooks", "POST", path, headers={"Idempotency-Key": uuid.uuid4().hex}, body={"state": "waiting"}
            )
        return False

    async def differences(self, world: World) -> dict[str, list[str]]:
        """By what they contradict: what never arrived, and what should not have."""
        rows = await world.sql("select outcome, count(*) as times from webhooks.attempts where store_id = $1 group by 1", self.owner.store)
        self.attempts.update({row["outcome"]: row["times"] for row in rows})
        public = {row[0] for row in await world.sql(PUBLIC, self.owner.store)}
        left = await world.sql(
            "select event_id::text, state, attempts from webhooks.deliveries where store_id = $1 and state <> 'delivered'", self.owner.store
        )
        return {
            "receivers: everything public arrived": sorted(public - self.accepted),
            "receivers: nothing foreign arrived, and all was signed": self.wrong + sorted(self.accepted - public),
            "webhooks: no delivery waits or is parked": [str(tuple(row)) for row in left],
        }

    def failures(self) -> int:
        """How often it failed, as the service recorded it."""
        return self.attempts.total() - self.attempts["delivered"]

    def account(self) -> str:
        """What became of it, in a line."""
        told = ", ".join(f"{what} {count:,}" for what, count in (*self.attempts.most_common(), *sorted(self.counts.items())))
        return f"a receiver of webhooks: {len(self.accepted):,} events arrived ({told})"
