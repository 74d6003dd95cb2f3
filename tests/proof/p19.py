"""P19: during each attack, another store's p99 stays within three times its quiet value plus 50 ms, and nobody else is refused.

The system is one process with all services, as `make up` runs it, and may open 1,024 files, a common default. The attacker is a
separate process of lower priority, since in reality it has its own machine. A second run, on a system whose guard is taken out (by a
setting or a mutant), must break the promise: otherwise the attack is harmless or the guard does nothing.
"""

import asyncio
import resource
import subprocess
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.attacks import ATTACKS
from tests.attacks.source import STOP, attacker
from tests.attacks.target import Target
from tests.proof.mutants import MUTANTS, copy_of_the_tree
from tests.proof.others import ONLY_TOLD, Heard, Others
from tests.stack import PROJECT, SERVICES, Process, Stack

FACTOR = 3.0
MARGIN_MS = 50.0
OPEN_FILES = 1_024
QUIET_SECONDS = 15.0
ATTACK_SECONDS = 15.0
WARM_SECONDS = 4.0
QUIET_ATTEMPTS = 3
PREPARE_SECONDS = 900.0


@dataclass(frozen=True)
class Beside:
    """The answers that another store got before and during one attack."""

    attack: str
    guarded: bool
    quiet: dict[str, dict[str, float]]
    during: dict[str, dict[str, float]]
    refusals: dict[str, int]
    counts: dict[str, int] = field(default_factory=dict)
    failed: str = ""

    def broken(self) -> list[str]:
        """How the promise was broken; empty if it was kept."""
        found = [f"{count} × {what}" for what, count in self.refusals.items() if what.split()[0] not in ONLY_TOLD]
        for kind, quiet in self.quiet.items():
            bound, heard = FACTOR * quiet["p99_ms"] + MARGIN_MS, self.during[kind]["p99_ms"]
            if heard > bound and kind not in ONLY_TOLD:
                found.append(f"{kind}: p99 {heard:,.0f} ms, bound {bound:,.0f} ms")
        return found

    def worst(self) -> str:
        """The call that suffered most, in words."""
        kind = max(self.during, key=lambda kind: self.during[kind]["p99_ms"] / (FACTOR * self.quiet[kind]["p99_ms"] + MARGIN_MS))
        return f"{kind}: p99 {self.quiet[kind]['p99_ms']:,.0f} ms, beside it {self.during[kind]['p99_ms']:,.0f} ms"

    def told(self) -> dict[str, object]:
        """The measurements as plain data."""
        return asdict(self)


async def beside(name: str, stack: Stack, *, guarded: bool = True) -> Beside:
    """Measure another store before and during one attack, on a stack that runs nothing else."""
    attack = ATTACKS[name]
    process = await asyncio.to_thread(_started, stack, {} if guarded else attack.unguarded)
    try:
        greedy = Target.of(stack, process.urls, f"greedy-{uuid.uuid4().hex[:8]}")
        others = Others(Target.of(stack, process.urls, f"calm-{uuid.uuid4().hex[:8]}"), attack.beside)
        async with attacker(name, greedy) as attacking:
            await attacking.prepared(PREPARE_SECONDS)
            await others.begin()
            await others.listen(WARM_SECONDS)
            quiet = await _quiet(others)
            attacking.go()
            during = await others.listen(ATTACK_SECONDS)
            told = await attacking.told(STOP)
        others.close()
    finally:
        await asyncio.to_thread(process.stop)
    return _account(name, guarded, quiet, during, told)


async def _quiet(others: Others) -> Heard:
    """Measure a quiet phase. Raises AssertionError if the machine is too busy for one."""
    for _ in range(QUIET_ATTEMPTS):
        heard = await others.listen(QUIET_SECONDS)
        if not heard.refusals:
            return heard
    raise AssertionError(f"refused before any attack: {dict(heard.refusals)}")


def _account(name: str, guarded: bool, quiet: Heard, during: Heard, told: dict[str, object]) -> Beside:
    counts, failed = told["counts"], told["failed"]
    assert isinstance(counts, dict)
    return Beside(name, guarded, quiet.figures(), during.figures(), dict(during.refusals), counts, str(failed))


def _started(stack: Stack, unguarded: dict[str, str]) -> Process:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))
    try:
        process = stack.run(*SERVICES, roles=("api", "worker"), ports=None, **unguarded)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return process.wait_until_ready()


def unguarded_tree(patches: tuple[str, ...], folder: Path) -> Path:
    """A tree with these patches of tests/mutants; the project itself if there are none. Raises AssertionError for a stale patch."""
    if not patches:
        return PROJECT
    tree = copy_of_the_tree(folder)
    for patch in patches:
        applied = subprocess.run(["git", "apply", str(MUTANTS / f"{patch}.patch")], cwd=tree, capture_output=True, text=True, check=False)
        assert applied.returncode == 0, applied.stderr
    return tree
