"""What `make proof` does, step by step. Each step's result is `good`, or what is wrong."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from deploy.local.servers import resolve
from deploy.operator.given import Servers
from tests.attacks import ATTACKS
from tests.proof import mutants, p19, refusing, webhooks
from tests.stack import PROJECT, SERVICES, Stack, new_stack

FUZZ_CASES = 200
FUZZ_TABLE = "docs/fuzz-table.md"
FAULTS = {"seed": 11, "faults": 200, "writes": 100_000}
SHOWN_BYTES = 1_500
STEP_SECONDS = 3 * 3600


@dataclass
class Outcome:
    """What a step found."""

    result: str
    found: dict[str, Any] = field(default_factory=dict)


@dataclass
class Step:
    """One thing to prove."""

    part: str
    what: str
    prove: Callable[["Ground"], Outcome]
    alone: bool = True  # whether nothing may run beside it, because it measures or needs the whole machine


class Ground:
    """The servers of one run, and a stack that runs nothing; both are made when the first step needs them."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="aftersale-proof-")
        self._servers: Servers | None = None
        self._idle: Stack | None = None
        self._count = 0
        self._making = RLock()

    def folder(self) -> Path:
        """A fresh folder."""
        with self._making:
            self._count += 1
            made = Path(self._folder.name) / str(self._count)
        made.mkdir()
        return made

    def servers(self) -> Servers:
        """The servers of this run."""
        with self._making:
            if self._servers is None:
                self._servers = resolve(PROJECT, "test", say=print)
            return self._servers

    def idle(self) -> Stack:
        """A stack for tests that need servers but no service; child processes find it in their environment."""
        with self._making:
            if self._idle is None:
                self._idle = new_stack(self.servers(), self.folder(), "proof")
                self._idle.urls = dict.fromkeys(SERVICES, "http://127.0.0.1:9")
                self._idle.tell()
            return self._idle

    def close(self) -> None:
        """Stop what was started."""
        if self._idle is not None:
            self._idle.stop()
        if self._servers is not None:
            self._servers.stop()
        self._folder.cleanup()


def every_step() -> list[Step]:
    """All steps, the quick parts first."""
    return [*_refusals(), *_mutants(), *_marked(), *_crash_points(), *_attacks(), *_webhooks(), *_fuzz(), *_faults()]


def _mutants() -> Iterator[Step]:
    yield Step("mutants", "their tests are green without them", _sane)
    for mutant in mutants.ALL:
        yield Step("mutants", mutant.path.stem, lambda ground, mutant=mutant: _mutant(ground, mutant), alone=False)  # type: ignore[misc]  # mypy infers no default


def _sane(ground: Ground) -> Outcome:
    """Run every named test in an unpatched copy with the patience of mutants: red is then due to the mutant, not to the machine."""
    tree, stack = mutants.copy_of_the_tree(ground.folder()), ground.idle()
    return _judged(mutants.run_all(tree, sorted({mutant.red for mutant in mutants.ALL}), stack))


def _mutant(ground: Ground, mutant: mutants.Mutant) -> Outcome:
    verdict, shown = mutants.try_one(mutant, ground.idle(), ground.folder())
    return Outcome("good") if verdict == "red" else Outcome(verdict, {"shown": shown[:SHOWN_BYTES]})


def _marked() -> Iterator[Step]:
    """Tests that are marked `proof`, file by file, except those of the mutants, which are a separate part."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "proof", "-p", "no:randomly"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    files = sorted({line.split("::")[0] for line in listed.splitlines() if "::" in line} - {"tests/test_mutants.py"})
    for file in files:
        yield Step("long tests", file, lambda _, file=file: _pytest("-m", "proof", file))  # type: ignore[misc]  # mypy infers no default


def _crash_points() -> Iterator[Step]:
    test = "tests/faults/test_services_killed.py"
    yield Step("crash points", "every one, against all services", lambda _: _pytest("-m", "", test, AFTERSALE_EVERY_CRASH_POINT="1"))


def _fuzz() -> Iterator[Step]:
    extra = {"AFTERSALE_SCHEMATHESIS_CASES": str(FUZZ_CASES), "AFTERSALE_SCHEMATHESIS_TABLE": FUZZ_TABLE}
    for service in SERVICES:
        test = f"tests/services/test_schemathesis.py::test_made_up_calls_find_nothing[{service}]"
        yield Step("fuzz", f"{service}, {FUZZ_CASES} cases an operation", lambda _, test=test: _pytest("-m", "", test, **extra))  # type: ignore[misc]  # mypy infers no default


def _faults() -> Iterator[Step]:
    words = [f"--{name}={value}" for name, value in FAULTS.items()]
    name = ", ".join(f"{name} {value:,}" for name, value in FAULTS.items())
    yield Step("faults", name, lambda _: _run("-m", "tests.faults.load", *words, "--report", "docs/faults-run.md"))


def _attacks() -> Iterator[Step]:
    for name in ATTACKS:
        yield Step("p19", name, lambda ground, name=name: _attack(ground, name, guarded=True))  # type: ignore[misc]  # mypy infers no default
        if not (ATTACKS[name].broken or ATTACKS[name].unguarded):
            continue
        yield Step("p19", f"{name}, guard taken out", lambda ground, name=name: _attack(ground, name, guarded=False))  # type: ignore[misc]  # mypy infers no default


def _attack(ground: Ground, name: str, *, guarded: bool) -> Outcome:
    return _beside(ground, partial(p19.beside, name), ATTACKS[name].broken, guarded=guarded)


def _webhooks() -> Iterator[Step]:
    for name in webhooks.TROUBLES:
        yield Step("webhooks", name, lambda ground, name=name: _trouble(ground, name, guarded=True))  # type: ignore[misc]  # mypy infers no default
        yield Step("webhooks", f"{name}, guard taken out", lambda ground, name=name: _trouble(ground, name, guarded=False))  # type: ignore[misc]  # mypy infers no default


def _trouble(ground: Ground, name: str, *, guarded: bool) -> Outcome:
    return _beside(ground, partial(webhooks.beside, name), (webhooks.TROUBLES[name].guard,), guarded=guarded)


def _beside(ground: Ground, measure: Callable[..., Coroutine[Any, Any, p19.Beside]], broken: tuple[str, ...], *, guarded: bool) -> Outcome:
    """Measure on a stack of its own, from a tree without its guard if that is taken out: then the promise must break."""
    stack = new_stack(ground.servers(), ground.folder(), "proof")
    if not guarded:
        stack.tree = str(p19.unguarded_tree(broken, ground.folder()))
    try:
        beside = asyncio.run(measure(stack, guarded=guarded))
    finally:
        stack.stop()
    broke, found = beside.broken(), {"beside": beside.told(), "note": beside.worst()}
    if beside.failed:
        return Outcome(f"the attack itself failed: {beside.failed}", found)
    if guarded:
        return Outcome("; ".join(broke) or "good", found)
    return Outcome("good" if broke else "does not bite without its guard", found)


def _refusals() -> Iterator[Step]:
    yield Step("refusing", "processor time of a refused call", lambda ground: _refusing(ground, guarded=True))
    yield Step("refusing", "guard taken out", lambda ground: _refusing(ground, guarded=False))


def _refusing(ground: Ground, *, guarded: bool) -> Outcome:
    stack = new_stack(ground.servers(), ground.folder(), "proof")
    if not guarded:
        stack.tree = str(p19.unguarded_tree((refusing.GUARD,), ground.folder()))
    try:
        milliseconds = asyncio.run(refusing.cost_ms(stack))
    finally:
        stack.stop()
    cheap = milliseconds < refusing.AIM_MS
    return Outcome(
        "good" if cheap == guarded else "too dear" if guarded else "cheap even without its guard",
        {"note": f"{milliseconds:.2f} ms each, aim {refusing.AIM_MS}"},
    )


def _pytest(*words: str, **extra: str) -> Outcome:
    return _run("-m", "pytest", "-q", "-n", "0", "-p", "no:randomly", *words, **extra)


def _run(*words: str, **extra: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, *words], cwd=PROJECT, env=os.environ | extra, capture_output=True, text=True, check=False, timeout=STEP_SECONDS
    )
    return _judged((done.returncode, done.stdout + done.stderr))


def _judged(done: tuple[int, str]) -> Outcome:
    code, output = done
    if code == 0:
        return Outcome("good")
    named = re.findall(r"^(?:FAILED|ERROR) (.+)$", output, re.MULTILINE)
    return Outcome("; ".join(named) or output[-SHOWN_BYTES:])
