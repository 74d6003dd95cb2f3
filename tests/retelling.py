"""Publishing to only one service's queue as the broker's administrator, with the routing key that the event's owner would use."""

import aio_pika


class OneReader:
    """Publishes to one queue through an exchange that no other queue is bound to; it is deleted with the queue."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, queue: str) -> None:
        self._channel = channel
        self._queue = queue
        self._exchange: aio_pika.abc.AbstractExchange | None = None
        self._bound: set[str] = set()

    async def tell(self, message: aio_pika.Message, routing_key: str) -> None:
        """Put `message` into the queue as if it had been published with this routing key."""
        if self._exchange is None:
            self._exchange = await self._channel.declare_exchange(f"{self._queue}.retold", "direct", auto_delete=True)
        if routing_key not in self._bound:
            queue = await self._channel.get_queue(self._queue, ensure=False)
            await queue.bind(self._exchange, routing_key)
            self._bound.add(routing_key)
        await self._exchange.publish(message, routing_key)
