"""Where a process may die: every commit, publish, confirm and ack of the source, and the crash points around it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

AROUND = {
    "commit": ("commit.before", "commit.after"),
    "publish": ("publish.before", "confirm.after"),
    "ack": ("ack.before", "ack.after"),
}
"""Method whose call is a site -> the points that its function must pass before and after it."""

AUTOCOMMIT = "_autocommit"  # a statement on this engine is a transaction by itself
HANDS_ON = {("Broker", "publish"), ("Database", "reading")}
"""Functions that only hand a call on to the library (their one caller has the points), or only read."""


@dataclass(frozen=True, slots=True)
class Site:
    """One call after which the world is another one."""

    file: str
    function: str
    kind: str
    line: int


def unguarded_sites(source: str, file: str) -> list[Site]:
    """Sites in `source` that lack a crash point before or after them."""
    return [site for site, points in _sites(source, file) if not _surrounded(site, points)]


def sites(source: str, file: str) -> list[Site]:
    """Every site in `source`."""
    return [site for site, _ in _sites(source, file)]


def _sites(source: str, file: str) -> Iterator[tuple[Site, list[tuple[int, str]]]]:
    for owner, function in _functions(ast.parse(source)):
        if (owner, function.name) in HANDS_ON:
            continue
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        points = [(call.lineno, point) for call in calls if (point := _crash_point(call))]
        for call in calls:
            kind = _kind(call)
            if kind:
                yield Site(file, function.name, kind, call.lineno), points


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, inner) for inner in node.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef))
        elif isinstance(node, ast.Module):
            yield from (("", inner) for inner in node.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef))


def _kind(call: ast.Call) -> str | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr in AROUND:
        return call.func.attr
    on_autocommit = isinstance(call.func.value, ast.Attribute) and call.func.value.attr == AUTOCOMMIT
    return "commit" if call.func.attr == "connect" and on_autocommit else None


def _crash_point(call: ast.Call) -> str | None:
    """The point that this call passes, if it is one."""
    if isinstance(call.func, ast.Name) and call.func.id == "crash_point" and call.args and isinstance(call.args[0], ast.Constant):
        return str(call.args[0].value)
    return None


def _surrounded(site: Site, points: list[tuple[int, str]]) -> bool:
    before, after = AROUND[site.kind]
    # a connection to the autocommit engine is opened before its statement: both points follow it
    is_before = any(point == before and (line < site.line or site.function == "execute_once") for line, point in points)
    return is_before and any(point == after and line > site.line for line, point in points)
