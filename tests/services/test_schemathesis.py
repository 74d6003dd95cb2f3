"""Strangers' calls, made up from each service's own OpenAPI document: no 5xx, no undocumented status, no bad data accepted.

`make test` plays a light setting; `make fuzz` plays 200 cases for each operation, all phases, and writes docs/fuzz-table.md.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.ledger import commit_of_the_code
from tests.services.schemathesis_run import SEED, Outcome, fuzz
from tests.services.schemathesis_world import World
from tests.stack import PROJECT, SERVICES, Stack

CASES = int(os.environ.get("AFTERSALE_SCHEMATHESIS_CASES", "5"))
ALL_PHASES_FROM = 100  # the coverage phase alone makes hundreds of calls for an operation
TABLE = os.environ.get("AFTERSALE_SCHEMATHESIS_TABLE", "")


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    made = World(stack, SEED)
    try:
        yield made.prepare()
    finally:
        made.close()


@pytest.mark.timeout(3600 if CASES >= ALL_PHASES_FROM else 900)
@pytest.mark.parametrize("service", SERVICES)
def test_made_up_calls_find_nothing(service: str, world: World) -> None:
    outcome = fuzz(service, world, CASES, all_phases=CASES >= ALL_PHASES_FROM)
    if TABLE:
        _write(service, outcome)
    shown = [f"{operation}: {title}\n{said}" for (operation, title), said in sorted(outcome.failures.items())]
    assert not shown, "\n\n".join(shown)
    assert outcome.tallies
    never = {operation for operation, tally in outcome.tallies.items() if tally.sound and tally.accepted_share == 0}
    assert CASES < ALL_PHASES_FROM or not never, f"no call of these ever succeeded: {never}"


def _write(service: str, outcome: Outcome) -> None:
    """One row for each operation, under the commit that they were called at; instead of the service's section of before."""
    rows = [
        f"| `{operation}` | {tally.cases} | {tally.sound.total()} | {tally.accepted_share:.0%} | {tally.unsound.total()} |"
        for operation, tally in sorted(outcome.tallies.items())
    ]
    head = [
        f"{service} (commit `{commit_of_the_code()}`, {CASES} cases)",
        "",
        "| operation | calls | fit the schema | of these 2xx | do not fit |",
    ]
    path = PROJECT / Path(TABLE)
    sections = {part.split()[0]: part for part in (path.read_text() if path.exists() else "").split("### ") if part.strip()}
    sections[service] = "\n".join([*head, "|---|---|---|---|---|", *rows, "", ""])
    path.write_text("".join(f"### {section}" for section in sections.values()))
