"""Asks how many messages wait in a queue, as a service's own user may."""

import aio_pika
from aiormq.exceptions import AMQPError, ChannelNotFoundEntity

from deploy.operator import running
from shared.messaging.broker import queue_name

CONNECT_SECONDS = 10


async def waiting(amqp_url: str, name: str) -> int | None:
    """How many messages are ready in a queue; None if there is no such queue.

    Raises OSError, TimeoutError or AMQPError if the broker does not answer.
    """
    async with await aio_pika.connect(amqp_url, timeout=CONNECT_SECONDS) as connection:
        try:
            queue = await (await connection.channel()).declare_queue(name, passive=True)
        except ChannelNotFoundEntity:
            return None
        return int(queue.declaration_result.message_count or 0)


def queue_of(reader: str) -> str:
    """The name of the queue of `reader` in the running system."""
    return queue_name(running.setting(reader, "AMQP_NAMESPACE", "aftersale"), reader)


async def depth(reader: str) -> int | None:
    """How many messages are ready in the queue of `reader`; 0 if it has no queue, None if the broker does not answer."""
    url = running.setting(reader, "AMQP_URL")
    if not url:
        return None
    try:
        return await waiting(url, queue_of(reader)) or 0
    except (OSError, AMQPError, TimeoutError):
        return None
