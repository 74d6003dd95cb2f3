"""Every file and name in the pages on the present system exists, and so does every path in a decision or a docstring."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
PAGES = ("shared/README.md", "docs/architecture.md", "docs/conventions.md", "CONTRIBUTING.md")
NAMED = re.compile(r"`(\w[\w./-]*\.(?:py|sql|json|md))(?::([\w.]+))?`")
ROOTS = ("deploy", "docs", "kit", "services", "shared", "tests")
PATH = re.compile(rf"(?<![\w./>-])(?:{'|'.join(ROOTS)})/[\w./-]*\w(?![\w/<*{{…-])")
"""A path from the top of the project, without placeholders."""
WHEREVER = {"__init__", "README", "api", "app", "audit", "consumers", "requests", "rules", "settings", "state", "tables", "views"}
"""Rooms that every service may have, named without a folder."""


def names_in(path: Path) -> set[str]:
    """The names that a module defines at its top level, and those that its classes define, as Class.method."""
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


def docstrings(source: str) -> list[str]:
    """All strings that are statements: docstrings of modules, classes and functions, and those below constants."""
    alone = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    return [node.value for node in alone if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def gone(text: str) -> list[str]:
    return [path for path in PATH.findall(text) if not (PROJECT / path).exists()]


def test_every_path_in_a_decision_is_there() -> None:
    decisions = sorted((PROJECT / "docs/decisions").glob("*.md"))
    assert {page.name: gone(page.read_text()) for page in decisions if gone(page.read_text())} == {}


def test_every_path_in_a_docstring_is_there() -> None:
    texts = {path: "\n".join(docstrings(path.read_text())) for root in ROOTS for path in (PROJECT / root).rglob("*.py")}
    assert {str(path.relative_to(PROJECT)): gone(text) for path, text in texts.items() if gone(text)} == {}
    assert sum(len(PATH.findall(text)) for text in texts.values()) > 50


def test_a_path_that_is_gone_is_found() -> None:
    assert gone("see `shared/gone.py`, services/<name>/audit.py, tests/mutants/*.patch and shared/web/dispatch.py.") == ["shared/gone.py"]


def test_a_name_that_is_gone_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`shared/data/db.py:Database.transaction` `shared/data/db.py:Database.gone` `shared/data/gone.py`")
    assert missing(page) == ["shared/data/db.py:Database.gone", "shared/data/gone.py:"]
