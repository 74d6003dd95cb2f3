"""How much waits in a reader's queue, as its own user may ask."""

import aio_pika
from aiormq.exceptions import AMQPError, ChannelNotFoundEntity

from deploy.operator import running
from shared.messaging.broker import queue_name

CONNECT_SECONDS = 5


async def depth(reader: str) -> int | None:
    """How many messages are ready in the queue of `reader`; 0 where it has none, None where the broker does not answer."""
    url = running.setting(reader, "AMQP_URL")
    if not url:
        return None
    name = queue_name(running.setting(reader, "AMQP_NAMESPACE", "aftersale"), reader)
    try:
        async with await aio_pika.connect(url, timeout=CONNECT_SECONDS) as connection:
            try:
                queue = await (await connection.channel()).declare_queue(name, passive=True)
            except ChannelNotFoundEntity:
                return 0
            return int(queue.declaration_result.message_count or 0)
    except (OSError, AMQPError, TimeoutError):
        return None
