"""The account of a run: per kind of fault what was acknowledged meanwhile, and what was lost, doubled or late."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.faults.load.journal import Journal, Write
from tests.faults.load.run import LATE_SECONDS, Happened, Run

COLUMNS = ("fault", "times", "bit", "acknowledged meanwhile", "lost", "doubled", "late", "back after (median)", "longest")


def rows(run: Run, journal: Journal) -> list[tuple[str, ...]]:
    """One row per kind of fault, and one for the time between faults."""
    spans = [(one.began, one.healed + one.back_after, one) for one in run.happened]
    made: list[tuple[str, ...]] = []
    for kind in sorted({one.fault.kind for one in run.happened}):
        mine = [one for one in run.happened if one.fault.kind == kind]
        backs = [one.back_after for one in mine]
        made.append(
            (
                kind.replace("_", " "),
                str(len(mine)),
                str(sum(1 for one in mine if one.bite)),
                f"{_within(journal.of('acknowledged'), mine):,}",
                str(_within(run.verdict.lost, mine)),
                str(_within(run.verdict.doubled, mine)),
                str(sum(1 for back in backs if back > LATE_SECONDS)),
                f"{median(backs):.1f} s",
                f"{max(backs):.1f} s",
            )
        )
    calm = [write for write in journal.of("acknowledged") if not any(began <= write.settled_at <= ended for began, ended, _ in spans)]
    made.append(("between faults", "", "", f"{len(calm):,}", "", "", "", "", ""))
    return made


def _within(writes: Iterable[Write], faults: list[Happened]) -> int:
    spans = [(one.began, one.healed + one.back_after) for one in faults]
    return sum(1 for write in writes if any(began <= (write.settled_at or write.wanted_at) <= ended for began, ended in spans))


def summary(run: Run, journal: Journal) -> list[str]:
    """The outcome in a few lines."""
    verdict = run.verdict
    bitten = sum(1 for one in run.happened if one.bite)
    late = [one for one in run.happened if one.back_after > LATE_SECONDS]
    kinds: dict[str, int] = {}
    for write in journal.of("acknowledged"):
        kinds[write.kind] = kinds.get(write.kind, 0) + 1
    lines = [
        f"{len(run.happened)} faults (seed {run.seed}), {bitten} proven to have bitten, in {run.seconds / 60:.1f} minutes",
        f"{journal.count('acknowledged'):,} writes acknowledged (" + ", ".join(f"{kind} {n:,}" for kind, n in sorted(kinds.items())) + ")",
        f"{len(verdict.lost)} lost, {len(verdict.doubled)} doubled, {len(verdict.from_nowhere)} refused and there all the same",
        f"{journal.count('refused'):,} refused; {journal.count('unknown') + journal.count('intent')} never answered "
        f"({verdict.unknown_with_effect} with their effect, {verdict.unknown_without} without)",
        f"{journal.attempts:,} calls, {journal.reads:,} reads that were checked against what had been acknowledged",
        f"{verdict.events:,} events took effect {verdict.effects:,} times; {verdict.late} later than {LATE_SECONDS:.0f} s "
        "after the last healing",
        f"back later than {LATE_SECONDS:.0f} s after healing: {len(late)} of {len(run.happened)} times"
        + "".join(f"; {one.fault.kind} #{one.fault.number} {one.back_after:.0f} s" for one in late[:8]),
        *verdict.strangers,
        f"drained {run.drain_seconds:.1f} s after the end",
    ]
    if run.left_out:
        lines.append("not done here: " + ", ".join(run.left_out))
    for law, examples in verdict.broken.items():
        lines.append(f"BROKEN {law}: " + "; ".join(examples))
    lines += [
        f"LOST {one.kind} {one.name}, acknowledged at {datetime.fromtimestamp(one.settled_at, UTC):%H:%M:%S}" for one in verdict.lost[:10]
    ]
    lines += [f"DOUBLED {one.kind} {one.name}" for one in verdict.doubled[:10]]
    return lines


def to_terminal(run: Run, journal: Journal) -> None:
    """The account on the terminal."""
    table = Table(*COLUMNS)
    for row in rows(run, journal):
        table.add_row(*row)
    console = Console()
    console.print(table)
    for line in summary(run, journal):
        console.print(line, highlight=False)


def to_markdown(run: Run, journal: Journal) -> str:
    """The account as a section of docs/faults.md."""
    lines = [
        f"## Run of {datetime.now(UTC):%Y-%m-%d}, seed {run.seed}",
        "",
        f"{platform.machine()}, {_cores()} cores, Python {platform.python_version()}. "
        f"Again: `make faults SEED={run.seed} FAULTS={run.faults} WRITES={run.writes}`.",
        "",
        *(f"- {line}" for line in summary(run, journal)),
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "| --- |" + " ---: |" * (len(COLUMNS) - 1),
        *("| " + " | ".join(row) + " |" for row in rows(run, journal)),
        "",
        "One example of each kind's bite:",
        "",
        *(f"- {one.fault.kind.replace('_', ' ')}: {one.bite}" for one in _examples(run)),
        "",
    ]
    return "\n".join(lines)


def _examples(run: Run) -> list[Happened]:
    found: dict[str, Happened] = {}
    for one in run.happened:
        if one.bite:
            found.setdefault(one.fault.kind, one)
    return [found[kind] for kind in sorted(found)]


def _cores() -> int:

    return os.cpu_count() or 0
