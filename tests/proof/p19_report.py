"""docs/p19.md: the answers that another store got during each attack, with its guard and without it."""

import os
import platform
from collections.abc import Iterator, Mapping

from tests.attacks import ATTACKS
from tests.proof.ledger import Entry, Ledger
from tests.proof.p19 import ATTACK_SECONDS, FACTOR, MARGIN_MS, OPEN_FILES, QUIET_SECONDS, Beside
from tests.stack import PROJECT

REPORT = PROJECT / "docs" / "p19.md"


def told(ledger: Ledger) -> str:
    """The whole report."""
    entries = {entry.what: entry for entry in ledger.of("p19") if "beside" in entry.found}
    lines = [
        "# One caller never stops others (P19)", "",
        "Another store calls at a steady pace (12 reads, 12 placings and 12 status changes a second), each call timed from the moment",
        f"when it was due: {QUIET_SECONDS:.0f} s quiet and {ATTACK_SECONDS:.0f} s beside each attack. Promised: p99 within",
        f"{FACTOR:.0f} × quiet + {MARGIN_MS:.0f} ms, and nobody else refused. All services are one process, as `make up` runs them,",
        f"which may open {OPEN_FILES:,} files; the attacker is another process, of lower priority. An attack is one source with at most",
        "1,000 connections and 1,000 requests a second; beyond that a proxy belongs in front.", "",
        _without_guards(entries), "",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. Again: `make proof ONLY=p19`.",
        "Milliseconds, p50 / p99.", "",
    ]  # fmt: skip
    for name, attack in ATTACKS.items():
        titles = [("guarded", name), *([("guard taken out", f"{name}, guard taken out")] if attack.broken or attack.unguarded else [])]
        lines += [f"## {name.replace('_', ' ')}", "", f"{attack.what[0].upper()}{attack.what[1:]}.", ""]
        lines += ["| | call | quiet | beside it | bound on p99 |", "| --- | --- | ---: | ---: | ---: |"]
        for title, what in titles:
            lines += list(_rows(title, entries.get(what)))
        lines += [""]
        lines += [f"- {title.capitalize()}: {_account(entries.get(what))}" for title, what in titles]
        lines += [""]
    return "\n".join(lines)


def _without_guards(entries: Mapping[str, Entry]) -> str:
    """Which attacks broke the promise once their guard was taken out, and which did not."""
    measured = {name: entry for name in ATTACKS if (entry := entries.get(f"{name}, guard taken out")) and "beside" in entry.found}
    guards = [name for name in measured if ATTACKS[name].broken or ATTACKS[name].unguarded]
    harmless = [name.replace("_", " ") for name in guards if not Beside(**measured[name].found["beside"]).broken()]
    which = f" ({', '.join(harmless)})" if harmless else ""
    return (
        f"Without its guard an attack should break the promise: {len(guards) - len(harmless)} of {len(guards)} did,"
        f" {len(harmless)} did not{which}.\n"
        "The guard against an event backlog keeps the order of effects, and the guard against floods is a refusal's low price, which\n"
        "`make proof ONLY=refusing` measures with and without it: these are not taken out here."
    )


def _rows(title: str, entry: Entry | None) -> Iterator[str]:
    if entry is None or "beside" not in entry.found:
        return
    beside = Beside(**entry.found["beside"])
    for kind, quiet in beside.quiet.items():
        during = beside.during.get(kind, {"p50_ms": 0.0, "p99_ms": 0.0})
        bound = FACTOR * quiet["p99_ms"] + MARGIN_MS
        cells = (title, kind, _pair(quiet), _pair(during), f"{bound:,.0f}")
        yield "| " + " | ".join(cells) + " |"


def _pair(figures: dict[str, float]) -> str:
    return f"{figures['p50_ms']:,.0f} / {figures['p99_ms']:,.0f}"


def _account(entry: Entry | None) -> str:
    if entry is None or "beside" not in entry.found:
        return "not run." if entry is None else entry.result
    beside = Beside(**entry.found["beside"])
    refused = ", ".join(f"{count} × {what}" for what, count in beside.refusals.items()) or "nobody else refused"
    did = ", ".join(f"{what} {count:,}" for what, count in sorted(beside.counts.items())) or "nothing answered"
    return f"{refused}; of the attack: {did}."
