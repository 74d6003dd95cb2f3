"""A queue that is killed with its broker before it is half a second old is ruined (decision 0503); made anew, it takes events."""

import asyncio
import uuid
from urllib.parse import urlsplit

import httpx2
import pytest

from services.webhooks.delivery.queueing import Publisher
from services.webhooks.queues.admin import Admin, AdminRefused, Limits
from services.webhooks.queues.names import QueueNames, url_in_vhost
from shared.contracts.ids import new_id
from shared.messaging.broker import password_hash
from tests.faults.load.world import servers, why_not
from tests.shop import PATIENCE_SECONDS, eventually

NAMES = QueueNames.of("young", new_id("endpoint"))


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.skipif(why_not() is not None, reason="needs private servers that may be killed")
async def test_a_ruined_queue_is_made_anew() -> None:
    hashed = password_hash("secret", b"salt")
    with servers(lambda line: None) as (started, _):
        async with Admin(started.amqp_admin_api, NAMES.vhost, Limits(1_000_000, 5, 20)) as admin:
            await admin.prepare(urlsplit(started.amqp_url).username or "guest")
            await admin.provide(NAMES, hashed, anew=True)
            await asyncio.to_thread(started.kill, "rabbitmq")
            await asyncio.to_thread(started.start_again, "rabbitmq")

            async def back() -> bool:
                try:
                    await admin.check()
                    return True
                except (AdminRefused, httpx2.HTTPError):
                    return False

            await eventually(back)
            await admin.provide(NAMES, hashed, anew=True)
            async with Publisher(url_in_vhost(started.amqp_url, NAMES.vhost), total_seconds=PATIENCE_SECONDS) as publisher:
                made = await publisher.put(queue=NAMES.queue, event_id=uuid.uuid4().hex, event_type="order.placed.v1", body=b"{}")
            assert made.failed is None, "made anew, it takes events"
