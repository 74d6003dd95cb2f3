"""The attacker's process: python -m tests.attacks.source NAME, a line of JSON (target.py) on its standard input.

It says `ready` once its store is prepared, attacks after the next line, and at the end of its input tells what it counted, as JSON.
"""

import asyncio
import json
import os
import resource
import sys

import uvloop

from tests.attacks import ATTACKS
from tests.attacks.target import Target

POLITE = 10
"""An attacker has a machine of its own: here it takes what the service leaves of this one."""


async def main() -> None:
    """One attack from the beginning to the end of the input."""
    attack = ATTACKS[sys.argv[1]](Target.heard(await _line()))
    await attack.prepare()
    print("ready", flush=True)  # noqa: T201  (heard by who started this process)
    await _line()
    running = asyncio.ensure_future(attack.run())
    ending = asyncio.ensure_future(_line())
    await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
    failed = "" if not running.done() else repr(running.exception())
    running.cancel()
    await asyncio.wait([running])
    print(json.dumps({"counts": dict(attack.counts), "failed": failed}), flush=True)  # noqa: T201  (heard by who started this process)


async def _line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    os.nice(POLITE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    uvloop.run(main())
    os._exit(0)  # a thread still waits for the input
