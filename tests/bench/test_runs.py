"""A benchmark whose statements no longer fit the tables is found here, and not when somebody wants its figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("part", "told"), [("writes", "a courier's remittance"), ("pages", "pages in a store of 2,000 orders")])
def test_a_short_run_comes_to_its_end(part: str, told: str) -> None:
    few = ("--seconds", "1", "--many", "2000", "--only", part, "--anyway")
    command = [sys.executable, "-m", "tests.bench", *few]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3_000:]
    assert told in run.stdout
