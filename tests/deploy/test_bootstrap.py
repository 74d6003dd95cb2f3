"""deploy/bootstrap.sh does what the lock says once, and nothing when nothing changed. uv is a stand-in that notes its calls."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.operator.state import PROJECT

UV = """#!/bin/sh
echo "$*" >> "$UV_CALLS"
case "$1" in venv) mkdir -p .venv/bin; ln -sf "$REAL_PYTHON" .venv/bin/python;; esac
"""


class Clone:
    """A folder with what bootstrap.sh looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_file = folder / "uv-calls"
        tools = folder / "tools"
        (folder / "deploy").mkdir(parents=True)
        tools.mkdir()
        shutil.copy(PROJECT / "deploy" / "bootstrap.sh", folder / "deploy")
        (folder / "requirements.lock").write_text("# nothing\n")
        (tools / "uv").write_text(UV)
        (tools / "uv").chmod(0o755)
        self.environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "UV_CALLS": str(self.calls_file),
            "REAL_PYTHON": sys.executable,
            "AFTERSALE_INSTALL": "no",
        }

    def bootstrap(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "deploy" / "bootstrap.sh"), *arguments],
            env=self.environment | environment, capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip

    @property
    def calls(self) -> list[str]:
        """The verbs that uv was called with so far."""
        return [line.split()[0] for line in self.calls_file.read_text().splitlines()] if self.calls_file.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "a clone")  # with a space, as some have


def test_first_time_makes_the_environment_and_the_second_does_nothing(clone: Clone) -> None:
    first = clone.bootstrap()
    assert (first.returncode, clone.calls) == (0, ["venv", "pip"])
    assert "making .venv" in first.stderr
    assert "--require-hashes" in clone.calls_file.read_text()
    began = time.monotonic()
    second = clone.bootstrap()
    assert time.monotonic() - began < 5
    assert (second.returncode, second.stderr, clone.calls) == (0, "", ["venv", "pip"])


def test_a_changed_lock_is_installed_and_a_vanished_python_is_replaced(clone: Clone) -> None:
    clone.bootstrap()
    (clone.folder / "requirements.lock").write_text("# something else\n")
    assert clone.bootstrap().returncode == 0
    assert clone.calls == ["venv", "pip", "pip"]
    (clone.folder / ".venv" / "bin" / "python").unlink()
    assert clone.bootstrap().returncode == 0
    assert clone.calls == ["venv", "pip", "pip", "venv", "pip"]


def test_an_interrupted_install_is_done_again(clone: Clone) -> None:
    broken = clone.folder / "tools" / "uv"
    broken.write_text(UV + '[ "$1" = venv ] || exit 1\n')
    failed = clone.bootstrap()
    assert failed.returncode == 1
    assert "fix: check the network" in failed.stderr
    broken.write_text(UV)
    assert clone.bootstrap().returncode == 0
    assert clone.calls[-1] == "pip"


def test_no_python_is_one_clear_message_with_the_fix(clone: Clone) -> None:
    failed = clone.bootstrap(PYTHON="/nowhere/python3")
    assert failed.returncode == 1
    assert failed.stderr.splitlines() == [
        "bootstrap: There is no Python 3.11 or newer.",
        "bootstrap: fix: install one (Debian, Ubuntu: apt-get install python3), or name it: PYTHON=/path/to/python3",
    ]
    assert clone.calls == []


def test_a_missing_tool_that_may_not_be_installed_is_one_clear_message(clone: Clone) -> None:
    bare = clone.folder / "bare"
    bare.mkdir()
    for tool in ("sh", "dirname", "cmp", "cp", "id", "env"):
        found = shutil.which(tool)
        assert found
        (bare / tool).symlink_to(found)
    failed = clone.bootstrap("--tests", PATH=str(bare))
    assert failed.returncode == 1
    assert "poppler-utils is missing (pdftotext, which the tests use to read documents)" in failed.stderr
    assert "fix: install poppler-utils" in failed.stderr
