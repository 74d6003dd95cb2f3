"""Testing the tests: each patch in tests/mutants breaks one promise, and its named test must fail for the named reason.

A patch is what `git diff` prints, under a header of comment lines:

    # Publishes after the commit, instead of writing the event in the change's own transaction.
    # promise: P1
    # red: tests/faults/test_p1_atomic_capture.py::test_a_change_and_its_event_stand_or_fall_together[…]
    # says: assert told == [1, 2]
    # services: none

`says` is a distinctive part of pytest's output for the failure: of the failing statement (lines that begin with `>`) or of its
explanation (lines that begin with `E`), so that a test that fails for another reason, or by a timeout, proves nothing.
`services` are those that must run for its test (none: it needs the servers at most, and no patched service). The patched copy of
the tree runs that one test on the same servers, in a separate database and namespace, and must fail by that assertion: an error
in an import, in a fixture or in the patch itself is no proof. If a test waits for something that the mutant never does, it gives up
after PATIENCE_SECONDS, and its own assertion fails.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

from tests.conftest import NEEDS_NO_STACK
from tests.stack import PROJECT, SERVICES, VARIABLE, Stack

MUTANTS = PROJECT / "tests" / "mutants"
COPIED = ("shared", "services", "deploy", "kit", "tests", "pyproject.toml", "docs/conventions.md")
FIELD = re.compile(r"(promise|red|says|services): (.+)")
DEADLINE_SECONDS = 240
PATIENCE_SECONDS = "10"
SHOWN = re.compile(r"^[>E] .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One patch and the fields of its header."""

    path: Path
    what: str
    promise: str
    red: str
    says: str
    services: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Mutant":
        """Read a patch. Raises ValueError if its header lacks something."""
        header = path.read_text().split("diff --git ")[0].splitlines()
        lines = [line[1:].strip() for line in header if line.startswith("#")]
        fields = {match[1]: match[2] for line in lines if (match := FIELD.fullmatch(line))}
        what = " ".join(line for line in lines if not FIELD.fullmatch(line))
        if not what or not fields.keys() >= {"promise", "red", "says"}:
            raise ValueError(f"{path.name}: its header needs a sentence, `# promise:`, `# red:` and `# says:`")
        default = "none" if fields["red"].startswith(NEEDS_NO_STACK) else " ".join(SERVICES)
        named = fields.get("services", default)
        return cls(path, what, fields["promise"], fields["red"], fields["says"], () if named == "none" else tuple(named.split()))


ALL = [Mutant.read(path) for path in sorted(MUTANTS.glob("*.patch"))]


def try_one(mutant: Mutant, stack: Stack, folder: Path) -> tuple[str, str]:
    """Run the mutant's test in a patched copy of the tree below `folder`: returns `red` or what is wrong, and what pytest showed."""
    tree = copy_of_the_tree(folder)
    applied = subprocess.run(["git", "apply", str(mutant.path)], cwd=tree, capture_output=True, text=True, check=False)
    if applied.returncode:
        return f"the patch no longer fits the code: {applied.stderr}", ""
    report = run_one(tree, mutant.red, mutant.services, stack)
    return verdict(report, mutant.says), "\n".join(SHOWN.findall(unescape(report)))


def copy_of_the_tree(folder: Path) -> Path:
    """Copy what git tracks or would track of the product and its tests, into a new repository, because the tidy tests ask git for files."""
    subprocess.run(["git", "init", "-q", folder], check=True)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *COPIED]
    for name in subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    return folder


def run_one(tree: Path, red: str, services: tuple[str, ...], stack: Stack) -> str:
    """Run one test in a copy of the tree; returns its JUnit report."""
    report = tree / "report.xml"
    _, output = _pytest(tree, [red, f"--junitxml={report}"], services, stack)
    return report.read_text() if report.exists() else f"<none>{output[-3000:]}</none>"


def run_all(tree: Path, tests: list[str], stack: Stack) -> tuple[int, str]:
    """Run these tests in a copy of the tree with all services running; returns exit code and output."""
    return _pytest(tree, tests, SERVICES, stack, seconds=DEADLINE_SECONDS * len(tests))


def _pytest(
    tree: Path, arguments: list[str], services: tuple[str, ...], stack: Stack, seconds: float = DEADLINE_SECONDS
) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AFTERSALE_TEST_"))}
    environment |= {
        "AFTERSALE_POSTGRES_ADMIN_URL": stack.postgres_url,
        "AFTERSALE_AMQP_ADMIN_URL": stack.amqp_url,
        "AFTERSALE_AMQP_ADMIN_API": stack.amqp_admin_api,
        "AFTERSALE_TEST_PATIENCE_SECONDS": PATIENCE_SECONDS,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if services:
        environment["AFTERSALE_TEST_SERVICES"] = " ".join(services)
    else:
        environment[VARIABLE] = os.environ[VARIABLE]  # the servers of this run; its services are not used
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "", "-p", "no:randomly", *arguments]
    with subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        try:
            output, _ = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.terminate()
            output, _ = child.communicate()
    return child.returncode, output


def verdict(report: str, says: str = "") -> str:
    """`green`, `red` (an assertion failed whose text contains `says`), or what else went wrong."""
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
    if not message.startswith(("AssertionError", "assert ")):
        return f"failed, but not by an assertion: {message[:500]}"
    shown = "\n".join([message, *SHOWN.findall(failures[0].text or "")])
    return "red" if says in shown else f"failed, but does not say {says!r}: {shown[:1500]}"
