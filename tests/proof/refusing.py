"""The cost of refusing: processor time of the service's process per call that it refuses for lack of a token, on open connections."""

import asyncio
import os
import statistics
from pathlib import Path

from tests.attacks.wire import Address, Line, request
from tests.stack import Stack

AIM_MS = 0.3
GUARD = "p19_strangers_go_all_the_way"
"""The mutant that leads strangers through the whole app: what a refusal would cost without the gate."""
ROUNDS = 5
CONNECTIONS = 20
CALLS = 4_000
TICKS = os.sysconf("SC_CLK_TCK")


async def cost_ms(stack: Stack) -> float:
    """The median of a few rounds, in milliseconds, for an orders API that does nothing else."""
    process = await asyncio.to_thread(lambda: stack.run("orders", roles=("api",)).wait_until_ready())
    try:
        address, spent = Address.of(process.urls["orders"]), []
        lines = [Line(address) for _ in range(CONNECTIONS)]
        await _refused(lines, CALLS // 4)
        for _ in range(ROUNDS):
            before = _processor_seconds(process.child.pid)
            await _refused(lines, CALLS)
            spent.append((_processor_seconds(process.child.pid) - before) / CALLS * 1000)
        for line in lines:
            line.close()
        return statistics.median(spent)
    finally:
        await asyncio.to_thread(process.stop)


async def _refused(lines: list[Line], calls: int) -> None:
    sent = request("GET", "/v1/orders")

    async def some(line: Line) -> None:
        for _ in range(calls // len(lines)):
            status, _body = await line.ask(sent)
            assert status in {401, 429}, status

    await asyncio.gather(*(some(line) for line in lines))


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
