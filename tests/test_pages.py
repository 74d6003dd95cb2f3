"""The pages that say how it works now: every file and every name in them is there."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
PAGES = ("shared/README.md", "docs/architecture.md", "docs/conventions.md", "CONTRIBUTING.md")
NAMED = re.compile(r"`(\w[\w./-]*\.(?:py|sql|json|md))(?::([\w.]+))?`")
WHEREVER = {"__init__", "README", "api", "app", "audit", "consumers", "requests", "rules", "settings", "state", "tables", "views"}
"""Rooms of any service, named without its folder."""


def names_in(path: Path) -> set[str]:
    """What a module defines at its top, and what its classes define, as Class.method."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        found |= defined(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for inner in node.body for name in defined(inner)}
    return found


def defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def missing(page: Path) -> list[str]:
    wrong = []
    for where, name in NAMED.findall(page.read_text()):
        if where.rpartition(".")[0] in WHEREVER or where.startswith("migrations/"):
            continue
        path = next((root / where for root in (page.parent, PROJECT) if (root / where).is_file()), None)
        if path is None or (name and name not in names_in(path)):
            wrong.append(f"{where}:{name}")
    return wrong


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_name_is_there(page: str) -> None:
    assert missing(PROJECT / page) == []


def test_the_pages_name_enough_to_follow() -> None:
    assert len(NAMED.findall((PROJECT / "shared/README.md").read_text())) > 30
    stops = (PROJECT / "docs/architecture.md").read_text().partition("## One refund in eight stops")[2]
    assert len(re.findall(r"^\d\. ", stops, re.MULTILINE)) == 8
    for stop in re.split(r"^\d\. ", stops, flags=re.MULTILINE)[1:]:
        assert NAMED.search(stop), stop[:40]


def test_a_name_that_is_gone_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`shared/data/db.py:Database.transaction` `shared/data/db.py:Database.gone` `shared/data/gone.py`")
    assert missing(page) == ["shared/data/db.py:Database.gone", "shared/data/gone.py:"]
