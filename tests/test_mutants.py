"""The tests are tested: each patch in tests/mutants breaks one promise, and its named test must see it.

A patch is what `git diff` prints, under a header of comment lines:

    # Publishes after the commit, instead of writing the event in the change's own transaction.
    # promise: P1
    # red: tests/faults/test_p1_atomic_capture.py::test_a_change_and_its_event_stand_or_fall_together[…]
    # services: none

`services` are those that its test needs running (none: it needs the servers at most, and no patched service). The patched copy of
the tree runs that one test on the same servers, in a database and a namespace of its own, and must fail by an assertion: an error
of an import, of a fixture or of the patch itself proves nothing. AFTERSALE_MUTANTS=all tries every one; a usual run tries those that need
no running services, and a seventh of the others, another one each day.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import NEEDS_NO_STACK
from tests.stack import PROJECT, SERVICES, VARIABLE, Stack

MUTANTS = PROJECT / "tests" / "mutants"
COPIED = ("shared", "services", "deploy", "tests", "pyproject.toml")
FIELD = re.compile(r"(promise|red|services): (.+)")
GROUPS = 7
DEADLINE_SECONDS = 150
PATIENCE_SECONDS = "8"  # how long the fault tests wait for what a mutant never does


@dataclass(frozen=True, slots=True)
class Mutant:
    """One patch and what its header says of it."""

    path: Path
    what: str
    promise: str
    red: str
    services: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Mutant":
        """Raises ValueError where the header lacks something."""
        header = path.read_text().split("diff --git ")[0].splitlines()
        lines = [line[1:].strip() for line in header if line.startswith("#")]
        fields = {match[1]: match[2] for line in lines if (match := FIELD.fullmatch(line))}
        what = " ".join(line for line in lines if not FIELD.fullmatch(line))
        if not what or not fields.keys() >= {"promise", "red"}:
            raise ValueError(f"{path.name}: its header needs a sentence, `# promise:` and `# red:`")
        default = "none" if fields["red"].startswith(NEEDS_NO_STACK) else " ".join(SERVICES)
        named = fields.get("services", default)
        return cls(path, what, fields["promise"], fields["red"], () if named == "none" else tuple(named.split()))


ALL = [Mutant.read(path) for path in sorted(MUTANTS.glob("*.patch"))]


def todays(mutants: list[Mutant], day: int) -> list[Mutant]:
    """All that need no running services, and of those that do one group a day: a week sees every one."""
    quick = [mutant for mutant in mutants if not mutant.services]
    slow = [mutant for mutant in mutants if mutant.services]
    return quick + slow[day % GROUPS :: GROUPS]


TRIED = ALL if os.environ.get("AFTERSALE_MUTANTS") == "all" else todays(ALL, datetime.now(UTC).toordinal())


def copy_of_the_tree(folder: Path) -> Path:
    """What git tracks or would track of the product and its tests."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *COPIED]
    for name in subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    return folder


def run_one(tree: Path, red: str, services: tuple[str, ...], stack: Stack) -> str:
    """Run one test in a copy of the tree; its JUnit report."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AFTERSALE_TEST_"))}
    environment |= {
        "AFTERSALE_POSTGRES_ADMIN_URL": stack.postgres_url,
        "AFTERSALE_AMQP_ADMIN_URL": stack.amqp_url,
        "AFTERSALE_TEST_PATIENCE_SECONDS": PATIENCE_SECONDS,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if services:
        environment["AFTERSALE_TEST_SERVICES"] = " ".join(services)
    else:
        environment[VARIABLE] = os.environ[VARIABLE]  # the servers of this run; its services are not asked
    report = tree / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", f"--junitxml={report}", red]
    with subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        try:
            output, _ = child.communicate(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            child.terminate()
            output, _ = child.communicate()
    return report.read_text() if report.exists() else f"<none>{output[-3000:]}</none>"


def verdict(report: str) -> str:
    """`green`, `red` (an assertion failed), or what else went wrong."""
    try:
        cases = list(ElementTree.fromstring(report).iter("testcase"))
    except ElementTree.ParseError:
        return f"no report: {report[-2000:]}"
    failures = [failure for case in cases for failure in case.iter("failure")]
    errors = [error.get("message", "") for case in cases for error in case.iter("error")]
    if len(cases) != 1 or (errors and not failures):
        return f"{len(cases)} tests, errors: {errors} {report[-2000:] if not cases else ''}"
    if not failures:
        return "green"
    message = failures[0].get("message", "")
    return "red" if message.startswith(("AssertionError", "assert ")) else f"failed, but not by an assertion: {message[:500]}"


@pytest.mark.parametrize("mutant", TRIED, ids=lambda mutant: mutant.path.stem)
@pytest.mark.timeout(DEADLINE_SECONDS + 30)
def test_a_broken_promise_is_seen(mutant: Mutant, stack: Stack, tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path)
    applied = subprocess.run(["git", "apply", str(mutant.path)], cwd=tree, capture_output=True, text=True, check=False)
    assert applied.returncode == 0, f"the patch no longer fits the code: {applied.stderr}"
    assert verdict(run_one(tree, mutant.red, mutant.services, stack)) == "red", mutant.what


@pytest.mark.timeout(DEADLINE_SECONDS + 30)
def test_without_a_mutant_the_same_run_is_green(stack: Stack, tmp_path: Path) -> None:
    """The copy itself breaks nothing: one mutant's test, unpatched. (All of them run green in this very suite.)"""
    sane = next(mutant for mutant in ALL if not mutant.services and mutant.red.startswith("tests/faults"))
    assert verdict(run_one(copy_of_the_tree(tmp_path), sane.red, sane.services, stack)) == "green"


def test_a_week_sees_every_mutant() -> None:
    assert {mutant.path for day in range(GROUPS) for mutant in todays(ALL, day)} == {mutant.path for mutant in ALL}


def test_every_patch_still_applies() -> None:
    stale = [
        one.path.name for one in ALL if subprocess.run(["git", "apply", "--check", str(one.path)], cwd=PROJECT, check=False).returncode
    ]
    assert stale == []


def test_every_named_test_exists() -> None:
    named = sorted({mutant.red for mutant in ALL})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", *named]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout.splitlines()
    assert sorted(line for line in listed if "::" in line) == named


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("<testsuite><testcase/></testsuite>", "green"),
        ('<testsuite><testcase><failure message="AssertionError: 1"/></testcase></testsuite>', "red"),
        ('<testsuite><testcase><failure message="assert 1 == 2"/></testcase></testsuite>', "red"),
        ('<testsuite><testcase><failure message="AttributeError: x"/></testcase></testsuite>', "failed"),
        ('<testsuite><testcase><failure message="Failed: Timeout"/></testcase></testsuite>', "failed"),
        ('<testsuite><testcase><error message="ImportError: x"/></testcase></testsuite>', "1 tests, errors"),
        ("<testsuite></testsuite>", "0 tests"),
        ("the process died", "no report"),
    ],
)
def test_only_an_assertion_counts_as_red(report: str, expected: str) -> None:
    assert verdict(report).startswith(expected)
