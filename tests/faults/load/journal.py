"""What clients wanted, and what they were told: an append-only file, written before each call and after each answer."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

State = Literal["intent", "acknowledged", "refused", "unknown"]
Kind = Literal[
    "place", "import", "amend", "step", "parcel", "part_cancel", "cancel", "pay", "close", "request", "approve", "decline", "adjust",
    "settle", "note",
]  # fmt: skip


@dataclass
class Write:
    """One wish with its own name, which its effect carries: so it can be counted afterwards."""

    name: str
    kind: Kind
    wanted_at: float
    state: State = "intent"
    settled_at: float = 0.0


class Journal:
    """Every wish of one run, in memory and in a file that outlives us."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", buffering=1)
        self.writes: dict[str, Write] = {}
        self.attempts = 0
        self.reads = 0
        self.stale_reads: list[str] = []

    def wants(self, name: str, kind: Kind) -> Write:
        """A wish, before the first byte of it is sent."""
        write = self.writes[name] = Write(name, kind, time.time())
        self._line(write)
        return write

    def told(self, name: str, state: State) -> None:
        """What came of it: `unknown` may still become anything, the others are final."""
        write = self.writes[name]
        write.state, write.settled_at = state, time.time()
        self._line(write)

    def of(self, state: State) -> Iterator[Write]:
        """Wishes in this state."""
        return (write for write in self.writes.values() if write.state == state)

    def count(self, state: State) -> int:
        """How many wishes are in this state."""
        return sum(1 for _ in self.of(state))

    def close(self) -> None:
        """Nothing more comes."""
        self._file.close()

    def _line(self, write: Write) -> None:
        self._file.write(json.dumps([round(time.time(), 3), write.kind, write.name, write.state]) + "\n")
