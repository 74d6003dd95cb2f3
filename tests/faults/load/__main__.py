"""`make faults`, by hand: python -m tests.faults.load --seed 1 --faults 200 --writes 100000 --report FILE"""

import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tests.faults.load import report
from tests.faults.load.run import Run, play
from tests.faults.load.world import servers, why_not

LIMIT_MEGABYTES = 6_000


def main(
    *,
    seed: Annotated[int, typer.Option(help="The same seed draws the same faults and the same wishes.")] = 1,
    faults: Annotated[int, typer.Option(help="How many faults come.")] = 60,
    writes: Annotated[int, typer.Option(help="The load goes on until so many writes are acknowledged.")] = 10_000,
    clients: Annotated[int, typer.Option(help="Clients at once.")] = 8,
    minutes: Annotated[float, typer.Option(help="No new fault after so many minutes, however many are done.")] = float("inf"),
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds of faults.")] = None,
    disk_megabytes: Annotated[
        int, typer.Option(help="Size of the small disk for the database; 0: none, and no disk_full.")
    ] = LIMIT_MEGABYTES,
    result: Annotated[Path | None, typer.Option("--report", help="Write the account here, as Markdown.")] = None,
) -> None:
    """Put the whole system under load, break it again and again, and count what was lost, doubled or late."""
    if reason := why_not():
        sys.exit(f"Faults need private servers that may be killed: {reason}")
    run = Run(seed=seed, faults=faults, writes=writes, clients=clients, kinds=tuple(kind or ()), minutes=minutes)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, we stop what we started
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s {line}", flush=True)  # noqa: T201  (a command: this is its output)

    with tempfile.TemporaryDirectory(prefix="aftersale-faults-") as folder, servers(say, disk_megabytes) as (started, small):
        journal = uvloop.run(play(run, started, small, Path(folder), say))
    report.to_terminal(run, journal)
    if result is not None:
        result.write_text(report.to_markdown(run, journal))
    sys.exit(0 if run.verdict.good and not run.verdict.late and all(one.bite for one in run.happened) else 1)


app = typer.Typer(pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    app()
