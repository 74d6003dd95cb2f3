"""The one OpenAPI document generates one working client of all services: made by a generator of others, and used without a line of ours.

The generator has an environment of its own, because it pins what we also use: generated_client/generator.lock, with hashes, renewed by
`echo openapi-python-client | uv pip compile --universal --python-version 3.11 --generate-hashes --no-header - -o generator.lock`.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shop import Shop, order_p
from tests.stack import PROJECT

HERE = Path(__file__).parent / "generated_client"
UV = shutil.which("uv") or str(PROJECT / ".tools" / "bin" / "uv")


def run(*command: str | Path, folder: Path, given: str = "") -> str:
    """What a command printed. Raises AssertionError with all that it said where it failed."""
    there = {"PATH": os.pathsep.join((str(folder / "python" / "bin"), os.environ["PATH"])), "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=os.environ | there, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def generated(shop: Shop, tmp_path: Path) -> Path:
    """The folder of the generated package, and of the Python that can import it. A warning of the generator is a failure."""
    run(UV, "venv", "--quiet", "--python", sys.executable, "python", folder=tmp_path)
    run(UV, "pip", "sync", "--quiet", "--python", "python", "--require-hashes", HERE / "generator.lock", folder=tmp_path)
    document, settings = f"{shop.stack.address}/openapi.json", HERE / "generator.yaml"
    words = ("--url", document, "--meta", "none", "--output-path", "aftersale_client", "--config", settings, "--fail-on-warning")
    run("python/bin/openapi-python-client", "generate", *words, folder=tmp_path)
    return tmp_path


async def test_a_generated_client_plays_an_orders_life(shop: Shop, generated: Path) -> None:
    command = ("python/bin/python", HERE / "use.py", shop.stack.address, shop.staff.token, shop.customer().token)
    said = json.loads(await asyncio.to_thread(run, *command, folder=generated, given=json.dumps(order_p())))
    order = said["order"]
    assert (order["status"], order["payment"], order["refund_state"]) == ("delivered", "paid", "partial")
    assert (order["total"]["amount"], order["refunded_total"]["amount"]) == (11_000, 5_500)
    assert said["listed"] == [order["order_id"]]
    assert (said["refund"]["status"], said["refund"]["amount"]["decimal"]) == ("approved", "55.00")
    assert (said["note"]["audience"], said["note"]["text"]) == ("customer", "We are sorry about the sleeve.")
    assert sorted(one["kind"] for one in said["documents"]) == ["credit_note", "invoice", "receipt"]
    assert said["pdf"] == "%PDF-"
    assert {"order.placed", "refund.approved"} <= {entry["type"] for entry in said["timeline"]}
