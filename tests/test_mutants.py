"""Every mutant is complete and applies to the code. `make proof` checks that each turns its test red.

To try one: `pytest -m proof -k NAME` with this file. The format of a patch is described in tests/proof/mutants.py.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.mutants import ALL, DEADLINE_SECONDS, Mutant, copy_of_the_tree, run_one, try_one, verdict
from tests.stack import PROJECT, Stack


@pytest.mark.proof
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.path.stem)
@pytest.mark.timeout(DEADLINE_SECONDS + 30)
def test_a_broken_promise_is_seen(mutant: Mutant, stack: Stack, tmp_path: Path) -> None:
    verdict_of_it, shown = try_one(mutant, stack, tmp_path)
    assert verdict_of_it == "red", f"{mutant.what}\n{shown}"


@pytest.mark.timeout(DEADLINE_SECONDS + 30)
def test_without_a_mutant_the_same_run_is_green(stack: Stack, tmp_path: Path) -> None:
    """The copy itself breaks nothing: runs one mutant's test unpatched. (All of those tests also run in this suite.)"""
    sane = next(mutant for mutant in ALL if not mutant.services and mutant.red.startswith("tests/faults"))
    assert verdict(run_one(copy_of_the_tree(tmp_path), sane.red, sane.services, stack)) == "green"


def test_every_patch_still_applies() -> None:
    stale = [
        one.path.name for one in ALL if subprocess.run(["git", "apply", "--check", str(one.path)], cwd=PROJECT, check=False).returncode
    ]
    assert stale == []


def test_every_named_test_exists() -> None:
    named = sorted({mutant.red for mutant in ALL})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p", "no:randomly", *named]
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


def test_a_failure_for_another_reason_is_not_red() -> None:
    shown = "    told = 1\n&gt;       assert told == 2\nE       assert 1 == 2"
    report = f'<testsuite><testcase><failure message="AssertionError: x">{shown}</failure></testcase></testsuite>'
    assert verdict(report, "assert told == 2") == "red"
    assert verdict(report, "E       assert 1 == 2") == "red"
    assert verdict(report, "told = 1").startswith("failed, but does not say")
