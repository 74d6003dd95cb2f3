"""The client's wheel, alone in an environment of its own: the README's example, and an order's life in all services."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.local.client_wheel import NAME, build
from tests.shop import Shop, order_p
from tests.stack import PROJECT

UV = shutil.which("uv") or str(PROJECT / ".tools" / "bin" / "uv")
USE = Path(__file__).parent / "client_wheel" / "use.py"
[EXAMPLE] = re.findall(r"```python\n(.+?)```", (PROJECT / "kit" / "client" / "README.md").read_text(), re.DOTALL)
PICTURE = PROJECT / "docs" / "documents" / "receipt-en.png"


def run(*command: str | Path, folder: Path, given: str = "", **environment: str) -> str:
    """What a command printed, without this project on its path. Raises AssertionError with all that it said where it failed."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=inherited | environment, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Python in which the wheel and what it requires are installed, in the versions that the project itself has."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build(folder)
    run(UV, "venv", "--quiet", "--python", sys.executable, "python", folder=folder)
    constraints = PROJECT / "requirements.lock"
    run(UV, "pip", "install", "--quiet", "--python", "python", "--constraint", constraints, wheel, folder=folder)
    return folder


def test_the_wheel_has_one_import_name_and_is_typed(installed: Path) -> None:
    [wheel] = installed.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        texts = {name: file.read(name).decode() for name in names if name.endswith(".py")}
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {NAME}
    assert {f"{NAME}/py.typed", f"{NAME}/contracts/events/order.py", f"{NAME}/calls/orders.py"} <= set(names)
    assert [name for name, text in texts.items() if re.search(r"^(from|import) (kit|shared)\b", text, re.MULTILINE)] == []


def test_every_module_of_it_can_be_imported(installed: Path) -> None:
    code = (
        "import importlib, pkgutil, sys, aftersale_client as a\n"
        "for one in pkgutil.walk_packages(a.__path__, 'aftersale_client.'): importlib.import_module(one.name)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'kit', 'shared', 'sqlalchemy', 'fastapi', 'rich'}))"
    )
    assert run("python/bin/python", "-c", code, folder=installed) == "[]\n"


def test_what_uses_it_is_typed_strictly(installed: Path) -> None:
    (installed / "example.py").write_text(EXAMPLE)
    (installed / "wrong.py").write_text(EXAMPLE.replace('to="delivered"', 'to="deliverd"').replace("order.due.amount", "order.due"))
    mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-executable", "python/bin/python")
    assert run(*mypy, "example.py", USE, folder=installed) == "Success: no issues found in 2 source files\n"
    done = subprocess.run((*mypy, "wrong.py"), cwd=installed, capture_output=True, text=True, check=False)
    assert re.findall(r'error: Argument "(\w+)"', done.stdout) == ["amount", "to"]


async def test_the_readmes_example_does_what_it_says(shop: Shop, installed: Path) -> None:
    assert len([line for line in EXAMPLE.splitlines() if line]) <= 24
    there = {"AFTERSALE_ADDRESS": shop.stack.address, "AFTERSALE_TOKEN": shop.platform.token}
    said = await asyncio.to_thread(run, "python/bin/python", "-", folder=installed, given=EXAMPLE, **there)
    assert said == "delivered\n1001 paid 100.00\n"


async def test_the_wheel_plays_an_orders_life(shop: Shop, installed: Path) -> None:
    given = json.dumps({"address": shop.stack.address, "token": shop.platform.token, "order": order_p(), "picture": str(PICTURE)})
    said = json.loads(await asyncio.to_thread(run, "python/bin/python", USE, folder=installed, given=given))
    assert said == {
        "placed": ["pending", "unpaid", "110.00"],
        "conflict": ["VersionConflict", "version_conflict", 2],
        "delivered": ["delivered", "paid", "v4"],
        "refused": ["Refused", "already_there"],
        "refund": ["approved", "55.00", "receipt.png"],
        "approved_again": True,
        "credited": ["credit_note", "invoice", "receipt"],
        "pdf": ["application/pdf", "%PDF-"],
        "seen": ["order.delivered", "refund.approved"],
        "listed": 1,
        "exported": 2,
        "followed": "delivered",
        "counted": [True, None],
        "stranger": ["NotFound", "not_found"],
    }
