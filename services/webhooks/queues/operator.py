"""The operator of queues: a process of its own that makes users, rights and queues as rows order it, and nothing else.

It has an administrator's rights on the broker and therefore no endpoint: nobody can ask it for anything except by a row.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

import httpx2
import structlog
from yarl import URL

from services.webhooks.queues.admin import Admin, AdminRefused, Limits
from services.webhooks.queues.names import QueueNames
from services.webhooks.queues.orders import carried_out, due_orders, failed, seen, wanted_queues
from services.webhooks.queues.settings import OperatorSettings
from services.webhooks.state import Queue
from shared.data.db import Database
from shared.messaging.broker import partners_vhost
from shared.messaging.pulse import Pulse

log = structlog.get_logger()

NAME = "queues"
POLL_SECONDS = 0.5
SEEN_SECONDS = 5.0
RECONCILE_SECONDS = 300.0
RECONCILE_AGAIN_SECONDS = 10.0
AWAY_SECONDS = 2.0
HANG_SECONDS = 120.0
SETTLE_SECONDS = 1.5
"""A new queue is used once it is so old: RabbitMQ 3.10 ruins one that is half a second old when it is killed, and until then nothing is
in it, so that it can be made anew (docs/decisions/0503-kill-9-of-a-young-queue.md).
"""


class QueueOperator:
    """Carries out the orders of one installation. Two of them do no harm: each step can be repeated."""

    def __init__(self, database: Database, settings: OperatorSettings) -> None:
        self._database = database
        self._settings = settings
        self._namespace = settings.amqp_namespace
        self._publisher = URL(settings.amqp_url.get_secret_value()).user or "guest"
        self._reconcile_at = self._seen_at = 0.0
        self.pulse = Pulse("queues", every_seconds=POLL_SECONDS, hang_seconds=HANG_SECONDS)

    async def run(self) -> None:
        """Run until cancelled. While the database or the broker is away, keep trying; nothing is lost, as orders are rows."""
        settings, told = self._settings, ""
        limits = Limits(settings.queue_max_bytes, settings.queue_connections, settings.queue_channels)
        vhost = partners_vhost(self._namespace)
        async with Admin(settings.amqp_admin_api.get_secret_value(), vhost, limits) as admin:
            while True:
                try:
                    with self.pulse.turn():
                        await self._turn(admin)
                except Exception as error:
                    self._reconcile_at = 0.0  # what comes back may have lost something
                    if told != repr(error):
                        log.error("queues_not_operated", error=repr(error))
                    told = repr(error)
                    await asyncio.sleep(AWAY_SECONDS)
                else:
                    if told:
                        log.info("queues_operated_again")
                    told = ""
                    await asyncio.sleep(POLL_SECONDS)

    async def _turn(self, admin: Admin) -> None:
        if monotonic() >= self._reconcile_at:
            await self._reconcile(admin)
        await self._be_seen(admin)
        async with self._database.reading() as tx:
            due = await due_orders(tx, now=datetime.now(UTC))
        await self._carry_out(admin, due)

    async def _reconcile(self, admin: Admin) -> None:
        """Make everything again that is missing, and remove what no row wants.

        What the broker has is read before the rows: whatever is on it was ordered by a row that was committed earlier.
        """
        await admin.check()
        await admin.prepare(self._publisher)
        there = await admin.endpoints()
        async with self._database.reading() as tx:
            wanted = await wanted_queues(tx)
        for endpoint_id in sorted(there - {one.endpoint_id for one in wanted}):
            await admin.remove(QueueNames.of(self._namespace, endpoint_id))
            log.warning("queue_unwanted", endpoint_id=endpoint_id)
        succeeded = await self._carry_out(admin, wanted)
        self._reconcile_at = monotonic() + (RECONCILE_SECONDS if succeeded else RECONCILE_AGAIN_SECONDS)

    async def _carry_out(self, admin: Admin, orders: Sequence[Queue]) -> bool:
        """Carry out orders; whether all succeeded. A failure is noted in its row, and holds up no other."""
        done = []
        for order in orders:
            if await self._succeeds(admin, order):
                done.append(order)
            await self._be_seen(admin)
        if any(order.wanted and order.applied == 0 for order in done):
            await asyncio.sleep(SETTLE_SECONDS)
            await admin.check()  # raises if it was killed meanwhile: then they are made anew
        for order in done:
            async with self._database.transaction("webhooks.queue_applied") as tx:
                await carried_out(tx, order, now=datetime.now(UTC))
            if order.applied < order.generation:
                log.info("queue_made" if order.wanted else "queue_removed", store_id=order.store_id, endpoint_id=order.endpoint_id)
        return len(done) == len(orders)

    async def _succeeds(self, admin: Admin, order: Queue) -> bool:
        names = QueueNames.of(self._namespace, order.endpoint_id)
        try:
            if order.wanted:
                await admin.provide(names, order.password_hash, anew=order.applied == 0)
            else:
                await admin.remove(names)
        except (AdminRefused, httpx2.HTTPError) as error:
            why = str(error) or repr(error)
            log.error("queue_not_made", store_id=order.store_id, endpoint_id=order.endpoint_id, wanted=order.wanted, error=why)
            async with self._database.transaction("webhooks.queue_failed") as tx:
                await failed(tx, order, why, now=datetime.now(UTC))
            return False
        return True

    async def _be_seen(self, admin: Admin) -> None:
        """Every few seconds, if RabbitMQ answers, note that queues are made here."""
        if monotonic() < self._seen_at:
            return
        await admin.check()
        async with self._database.transaction("webhooks.operator_seen") as tx:
            await seen(tx, NAME, now=datetime.now(UTC))
        self._seen_at = monotonic() + SEEN_SECONDS
