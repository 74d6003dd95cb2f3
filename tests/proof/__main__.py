"""`make proof`, run by hand: python -m tests.proof [--only mutants/p1]"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Annotated

import typer

from tests.proof import p19_report
from tests.proof.ledger import REPORT, Entry, Ledger, commit_of_the_code
from tests.proof.steps import Ground, Outcome, Step, every_step

AT_ONCE = 2
"""Mutants that are tried at the same time: each has a database and a namespace of its own, and mostly waits."""


def main(
    *,
    only: Annotated[str, typer.Option(help="Run only steps whose `part/what` begins with this.")] = "",
    again: Annotated[bool, typer.Option(help="Also run steps that are already proven for this commit.")] = False,
) -> None:
    """Run the steps of `make proof`, except those that are already proven for this commit."""
    ledger, commit, steps = Ledger(), commit_of_the_code(), every_step()
    wanted = [step for step in steps if f"{step.part}/{step.what}".startswith(only)]
    waiting = [step for step in wanted if again or not ledger.is_done(step.part, step.what, commit)]
    _say(f"{len(wanted) - len(waiting)} of {len(wanted)} are proven for {commit}")
    ground, bad = Ground(), 0
    try:
        for step, outcome, seconds in _proven(waiting, ground):
            bad += outcome.result != "good"
            ledger.note(Entry(step.part, step.what, outcome.result, seconds, commit, outcome.found))
            _say(f"{seconds:6.0f} s  {step.part}: {step.what}: {outcome.result}")
            REPORT.write_text(ledger.report([(one.part, one.what) for one in steps]))
            if step.part == "p19":
                p19_report.REPORT.write_text(p19_report.told(ledger))
    finally:
        ground.close()
    sys.exit(1 if bad else 0)


def _proven(steps: list[Step], ground: Ground) -> Iterator[tuple[Step, Outcome, float]]:
    """Each step with its outcome and seconds: in order, and one at a time where a step has to be alone."""
    for alone, group in groupby(steps, key=lambda step: step.alone):
        with ThreadPoolExecutor(1 if alone else AT_ONCE) as pool:
            yield from pool.map(partial(_tried, ground), group)


def _tried(ground: Ground, step: Step) -> tuple[Step, Outcome, float]:
    began = time.monotonic()
    try:
        outcome = step.prove(ground)
    except Exception as error:  # a step that cannot be tried does not stop the others
        outcome = Outcome(f"could not be tried: {type(error).__name__}: {error}")
    return step, outcome, time.monotonic() - began


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (a command: this is its output)


app = typer.Typer(pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    app()
