"""`make proof`, run by hand: python -m tests.proof [--only mutants/p1]"""

import sys
import time
from typing import Annotated

import typer

from tests.proof import p19_report
from tests.proof.ledger import REPORT, Entry, Ledger, commit_of_the_code
from tests.proof.steps import Ground, Outcome, Step, every_step


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
        for step in waiting:
            began = time.monotonic()
            outcome = _proven(step, ground)
            bad += outcome.result != "good"
            ledger.note(Entry(step.part, step.what, outcome.result, time.monotonic() - began, commit, outcome.found))
            _say(f"{time.monotonic() - began:6.0f} s  {step.part}: {step.what}: {outcome.result}")
            REPORT.write_text(ledger.report([(one.part, one.what) for one in steps]))
            if step.part == "p19":
                p19_report.REPORT.write_text(p19_report.told(ledger))
    finally:
        ground.close()
    sys.exit(1 if bad else 0)


def _proven(step: Step, ground: Ground) -> Outcome:
    try:
        return step.prove(ground)
    except Exception as error:  # a step that cannot be tried does not stop the others
        return Outcome(f"could not be tried: {type(error).__name__}: {error}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (a command: this is its output)


app = typer.Typer(pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    app()
