"""A partner's program, which knows nothing of ours: reads one message and prints its properties. python stranger_child.py URL QUEUE"""

import asyncio
import json
import sys

import aio_pika


async def told(url: str, queue: str) -> dict[str, object]:
    """The properties of the next message, which is acknowledged."""
    async with await aio_pika.connect(url, timeout=30) as connection:
        channel = await connection.channel()
        message = await (await channel.get_queue(queue, ensure=False)).get()
        assert message is not None
        await message.ack()
        return {
            "id": message.message_id, "type": message.type, "content_type": message.content_type, "app": message.app_id,
            "persistent": message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT, "body": message.body.decode(),
        }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(told(*sys.argv[1:]))))  # noqa: T201  (a command: this is its output)
