"""A stranger's program, which may be killed at any moment: knows a store's orders, refunds and documents from its feed or its queue alone.

python -m tests.faults.load.program BOOKS ADDRESS, with its token in AFTERSALE_TOKEN, or BOOKS AMQP_URL QUEUE. It says `reading` before
it begins.
"""

import asyncio
import json
import os
import sqlite3
import sys
from typing import Any

import aio_pika

from kit.client import connect, read_feed

PATIENCE_SECONDS = 600.0
CONNECT_SECONDS = 10.0
AWAY_SECONDS = 0.5
UNREAD = 20
SCHEMA = """
create table if not exists place (one integer primary key, position integer not null);
create table if not exists events (event_id text primary key, times integer not null);
create table if not exists latest (kind text, id text, sequence integer not null, told text not null, primary key (kind, id));
"""
ONCE_MORE = "insert into events values (?, 1) on conflict (event_id) do update set times = times + 1"
NEWER_WINS = """
insert into latest values (?, ?, ?, ?) on conflict (kind, id) do update set sequence = excluded.sequence, told = excluded.told
where excluded.sequence > latest.sequence
"""
KNOWN = {
    "order": ("order_id", "version", "status", "total", "collected", "refunded_total"),
    "refund": ("refund_id", "version", "status", "settlement", "amount"),
    "document": ("document_id", "order_id", "kind", "number", "total"),
}
"""What it wants to know of each: an id, and whatever else."""


class Books:
    """What the program knows. As the feed's cursor, it stores each position in the transaction of what that event changed."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path)
        self._database.executescript(f"pragma journal_mode = wal; pragma synchronous = normal; {SCHEMA}")

    async def load(self) -> int:
        """The position of the last event that it knows of."""
        return int(self._database.execute("select coalesce(max(position), 0) from place").fetchone()[0])

    async def store(self, position: int) -> None:
        """Commit everything up to this position."""
        self._database.execute("insert or replace into place values (1, ?)", (position,))
        self.commit()

    def commit(self) -> None:
        """Commit what was taken in."""
        self._database.commit()

    def take(self, event: dict[str, Any]) -> None:
        """Take an event in, which `store` will commit. Events of one order may come in any order."""
        self._database.execute(ONCE_MORE, (event["id"],))
        kind = event["type"].partition(".")[0]
        if kind in KNOWN:
            part = event["data"].get(kind, event["data"])
            told = [part[name] for name in KNOWN[kind]]
            self._database.execute(NEWER_WINS, (kind, told[0], int(event["sequence"]), json.dumps(told[1:])))


async def main(path: str, address: str, queue: str = "") -> None:
    """Read for good."""
    books = Books(path)
    print("reading", flush=True)  # noqa: T201  (its parent reads it)
    if queue:
        await read_queue(books, address, queue)
    else:
        async with connect(address, os.environ["AFTERSALE_TOKEN"], patience_seconds=PATIENCE_SECONDS) as client:
            async for one in read_feed(client, books):
                books.take(one.event)


async def read_queue(books: Books, url: str, name: str) -> None:
    """Acknowledge each event once it is committed; connect again whenever the broker is away."""
    while True:
        try:
            async with await aio_pika.connect(url, timeout=CONNECT_SECONDS) as connection:
                channel = await connection.channel()
                await channel.set_qos(prefetch_count=UNREAD)
                queue = await channel.get_queue(name, ensure=False)
                async with queue.iterator() as messages:
                    async for message in messages:
                        books.take(json.loads(message.body))
                        books.commit()
                        await message.ack()
        except (OSError, TimeoutError, RuntimeError, aio_pika.exceptions.AMQPError) as error:
            print(f"the broker is away: {error!r}", file=sys.stderr)  # noqa: T201  (its parent keeps it)
        await asyncio.sleep(AWAY_SECONDS)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
