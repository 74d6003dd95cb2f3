"""The hub of live streams: what listeners share is never older than what woke them."""

import asyncio
import time
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

from shared.contracts.actor import Actor
from shared.data.db import Transaction
from shared.web.streams import Found, Key, _Hub, _Pace
from tests.services.kernel.lab import Lab
from tests.shop import eventually

ACTOR = Actor("store", "staff", "one")
KEY: Key = ("store", "order")
OTHER: Key = ("store", "another order")


class Rows:
    """What a stream reads, and a feed that announces nothing; its look waits until it may go."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.asked: list[Collection[Key]] = []
        self.go = asyncio.Event()

    async def look(self, tx: Transaction, after: int) -> Found:
        found = self.rows[after:]
        return Found([b"%d" % row for row in found], [], after + len(found), full=False)

    async def moved(self, tx: Transaction, keys: Collection[Key]) -> tuple[Collection[Key], bool]:
        self.asked.append(keys)
        await self.go.wait()
        return [], False


def pace(woken: asyncio.Event) -> _Pace:
    call: Any = SimpleNamespace(running=SimpleNamespace(stopping=asyncio.Event()), until=time.time() + 60)
    return _Pace(call, woken)


async def frames(hub: _Hub, rows: Rows, woken: asyncio.Event) -> list[bytes]:
    found = await hub.page(pace(woken), KEY, ACTOR, 0, rows.look)
    assert found is not None
    return list(found.frames)


async def test_who_comes_again_reads_again(lab: Lab) -> None:
    """A page that somebody read before they left is not handed to whoever comes after the next row."""
    rows = Rows()
    hub = _Hub("lab", lab.database, lambda: rows)
    with hub.listening(KEY) as woken:
        assert await frames(hub, rows, woken) == []
    rows.rows.append(7)
    with hub.listening(KEY) as woken:
        assert await frames(hub, rows, woken) == [b"7"]
    rows.go.set()


async def test_those_who_listen_together_read_once(lab: Lab) -> None:
    rows = Rows()
    hub = _Hub("lab", lab.database, lambda: rows)
    with hub.listening(KEY) as first, hub.listening(KEY) as second:
        assert await frames(hub, rows, first) == []
        rows.rows.append(7)  # nobody was woken yet
        assert await frames(hub, rows, second) == []
    rows.go.set()


async def test_who_comes_during_a_look_is_woken_by_it(lab: Lab) -> None:
    """The feed may have begun behind what they read meanwhile: they read once more."""
    rows = Rows()
    hub = _Hub("lab", lab.database, lambda: rows)
    with hub.listening(KEY):
        await eventually(lambda: _asked(rows))
        with hub.listening(OTHER) as woken:
            rows.go.set()
            await eventually(lambda: _woken(woken))
    assert [set(keys) for keys in rows.asked[:1]] == [{KEY}]


async def _woken(woken: asyncio.Event) -> bool:
    return woken.is_set()


async def _asked(rows: Rows) -> bool:
    return bool(rows.asked)
