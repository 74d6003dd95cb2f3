"""The attacker's process: python -m tests.attacks.source NAME, with a line of JSON (target.py) on its standard input.

It prints `ready` once its store is prepared and attacks after the next line. It answers every further line with its counts so far, as
JSON; `stop`, or the end of the input, ends it. Attacker is the other end of its pipes.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.attacks.target import Target
from tests.stack import PROJECT

POLITE = 10
"""A real attacker has its own machine: here it only uses processor time that the service leaves."""
STOP = "stop"
END_SECONDS = 60.0


@dataclass
class Attacker:
    """An attacker's process, as its parent sees it."""

    child: asyncio.subprocess.Process

    async def prepared(self, seconds: float) -> None:
        """Wait until its store is prepared. Raises AssertionError or TimeoutError."""
        assert await self._line(seconds) == "ready", "the attack could not be prepared"

    def go(self) -> None:
        """Start the attack."""
        self._say("go")

    async def told(self, word: str = "count") -> dict[str, Any]:
        """`counts` so far, and `failed` with the attack's own error; STOP ends it."""
        self._say(word)
        found: dict[str, Any] = json.loads(await self._line(END_SECONDS))
        return found

    def _say(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{line}\n".encode())

    async def _line(self, seconds: float) -> str:
        assert self.child.stdout is not None
        async with asyncio.timeout(seconds):
            return (await self.child.stdout.readline()).decode().strip()


@asynccontextmanager
async def attacker(name: str, target: Target) -> AsyncIterator[Attacker]:
    """A separate process that prepares this attack; it is killed afterwards."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, name, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        made = Attacker(child)
        made._say(target.told())
        yield made
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def main() -> None:
    """Run one attack from beginning to end."""
    from tests.attacks import ATTACKS, UNMEASURED  # noqa: PLC0415  (code that only starts attackers needs none of them)

    attack = (ATTACKS | UNMEASURED)[sys.argv[1]](Target.heard(await _heard()))
    await attack.prepare()
    _tell("ready")
    await _heard()
    running = asyncio.ensure_future(attack.run())
    word = "go"
    while word not in {STOP, ""}:
        word = await _heard()
        failed = repr(running.exception()) if running.done() else ""
        _tell(json.dumps({"counts": dict(attack.counts), "failed": failed}))
    running.cancel()
    await asyncio.wait([running])


async def _heard() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the parent process reads it)


if __name__ == "__main__":
    import uvloop

    os.nice(POLITE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    uvloop.run(main())
