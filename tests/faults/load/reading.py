"""The stranger's program (program.py) on a store's feed, killed and started again at random: what it knows in the end."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.contracts.ids import public_id
from tests.faults.load.oracle import PUBLIC, whole_feed
from tests.faults.load.program import KNOWN
from tests.faults.load.world import World
from tests.stack import PROJECT

LIFE_SECONDS = (0.1, 5.0)
"""How long a life lasts, from when it reads on."""
TABLES = {"order": "orders.orders", "refund": "refunds.refunds", "document": "documents.documents"}


@dataclass
class Reading:
    """The program's lives. `kills` were ours; it `died` by itself otherwise, which it never should."""

    store: str
    address: str
    token: str
    folder: Path
    rng: random.Random
    source = "feed"
    kills: int = 0
    died: list[str] = field(default_factory=list)
    left_alone: bool = False

    @property
    def _books(self) -> Path:
        return self.folder / f"books-{self.source}.sqlite"

    def _arguments(self) -> tuple[str, ...]:
        """Where the program reads."""
        return (self.address,)

    async def run(self) -> None:
        """One life after the other, until cancelled; once it is left alone, the next life is not ended."""
        command = (sys.executable, "-m", "tests.faults.load.program", str(self._books), *self._arguments())
        environment = os.environ | {"AFTERSALE_TOKEN": self.token}
        said = self.folder / f"program-{self.source}.log"
        while True:
            with said.open("wb") as log:
                child = await asyncio.create_subprocess_exec(
                    *command, cwd=PROJECT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=log
                )
            try:
                assert child.stdout is not None
                await child.stdout.readline()  # it reads, or has died
                life = None if self.left_alone else self.rng.uniform(*LIFE_SECONDS)
                await asyncio.wait((asyncio.ensure_future(child.wait()),), timeout=life)
            finally:
                if child.returncode is None:
                    child.kill()
                code = await child.wait()
            if code == -signal.SIGKILL:
                self.kills += 1
            else:
                self.died.append(f"exit code {code}: {said.read_text()[-500:]}")

    async def has_read_everything(self, world: World) -> bool:
        """Whether the feed holds every public event of the store, and the program has got to its end."""
        last = await whole_feed(world, self.store)
        return last is not None and self._known("select max(position) from place") == [(last,)]

    def _known(self, query: str, *arguments: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._books)) as database:
            return database.execute(query, arguments).fetchall()

    def _counts(self, query: str) -> dict[str, int]:
        return {str(name): int(count) for name, count in self._known(query)}

    async def differences(self, world: World) -> dict[str, list[str]]:
        """By what they contradict: how the program's books differ from the databases, and how it died."""
        once = {row[0]: 1 for row in await world.sql(PUBLIC, self.store)}
        found = {
            f"reader of the {self.source}: it never dies by itself": self.died,
            f"reader of the {self.source}: every public event takes effect once": _unlike(self._taken(), once),
        }
        for kind, (identity, *names) in KNOWN.items():
            rows = await world.sql(f"select {identity}, {', '.join(names)} from {TABLES[kind]} where store_id = $1", self.store)
            held = {public_id(kind, row[0]): [_as_told(name, row[name]) for name in names] for row in rows}
            known = {one: json.loads(told) for one, told in self._known("select id, told from latest where kind = ?", kind)}
            found[f"reader of the {self.source}: the same {kind}s as the database"] = _unlike(known, held)
        return found

    def _taken(self) -> dict[str, int]:
        """How often each event was committed."""
        return self._counts("select event_id, times from events")

    def account(self) -> str:
        """What became of it, in a line."""
        counts = self._counts("select 'event', count(*) from events union all select kind, count(*) from latest group by 1")
        told = ", ".join(f"{count:,} {kind}s" for kind, count in counts.items())
        return f"a reader of the {self.source}, killed {self.kills} times: {told}"


def _as_told(name: str, value: Any) -> Any:
    return public_id(name.removesuffix("_id"), value) if name.endswith("_id") else value


def _unlike(known: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
    ids = sorted(known.keys() | held.keys())
    return [f"{one}: read {known.get(one)}, held {held.get(one)}" for one in ids if known.get(one) != held.get(one)]
