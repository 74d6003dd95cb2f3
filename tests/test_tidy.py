"""Architecture and style as tests: rules that a test can enforce need not be remembered. Standard library only."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SERVICES = tuple(sorted(path.parent.name for path in (PROJECT / "services").glob("*/app.py")))
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
MAX_POSITIONAL_PARAMETERS = 6
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "lib", "core", "manager"}
IMPURE = {
    "sqlalchemy",
    "aiohttp",
    "asyncio",
    "asyncpg",
    "faststream",
    "aio_pika",
    "fastapi",
    "httpx2",
    "obstore",
    "os",
    "pathlib",
    "random",
    "time",
    "uuid",
    "socket",
    "subprocess",
}


def rooms() -> dict[str, set[str]]:
    """A service's rooms, and which of its own rooms each may import: the table of docs/conventions.md."""
    text = (PROJECT / "docs" / "conventions.md").read_text()
    rows = re.findall(r"^\| `(\w+)(?:\.py|/)`[^|]*\|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    names = {room for room, _ in rows}
    return {
        room: names - {room} if "everything" in may else {word for word in re.findall(r"\w+", may) if word in names} for room, may in rows
    }


ROOMS = rooms()
"""A service may have further rooms that no other service has."""

CLOCKS = re.compile(r"\b(?:datetime\.(?:now|utcnow|today)|date\.today|time\.(?:time|monotonic))\(")


def tracked() -> list[Path]:
    """Every file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return [path for line in listed.stdout.splitlines() if (path := PROJECT / line).is_file()]


def sources(*folders: str) -> list[Path]:
    """Python files below these folders, without migrations and the mutants' patches."""
    roots = tuple(str(PROJECT / folder) for folder in folders)
    return [path for path in tracked() if path.suffix == ".py" and str(path).startswith(roots) and "migrations" not in path.parts]


PRODUCT = sources("shared", "services", "deploy", "kit")
ALL = sources("shared", "services", "deploy", "kit", "tests")


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_imports_another(service: str) -> None:
    others = tuple(f"services.{other}" for other in SERVICES if other != service)
    found = [(name(path), module) for path in sources(f"services/{service}/") for module in imports(path) if module.startswith(others)]
    assert found == []


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_same_rooms_and_arrows(service: str) -> None:
    """No file is in the wrong room and no import breaks the plan. A service's README explains a room that only it has."""
    own, wrong = set(), set()
    for path in sources(f"services/{service}/"):
        room = path.relative_to(PROJECT / "services" / service).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        own |= {room} - ROOMS.keys()
        others = {module.split(".")[2] for module in imports(path) if module.startswith(f"services.{service}.")} - {room}
        among_rooms = ROOMS[room] if room in ROOMS else others - {"api"}
        wrong |= {(name(path), other) for other in others & ROOMS.keys() - among_rooms}
    readme = (PROJECT / "services" / service / "README.md").read_text()
    assert sorted(wrong) == []
    assert [room for room in sorted(own) if not re.search(rf"`{room}(?:/|\.py)", readme)] == []


def test_shared_imports_no_service() -> None:
    found = [
        (name(path), module)
        for path in sources("shared/")
        for module in imports(path)
        if module.startswith(("services", "deploy", "kit", "tests"))
    ]
    assert found == []


def test_rules_are_pure() -> None:
    """Rules use no session, clock, broker or network, so that every rule can be tested with a table."""
    rules = [path for path in sources("services/") if path.name == "rules.py" or "rules" in path.parent.parts]
    assert len(rules) >= len(SERVICES)
    found = [
        (name(path), module)
        for path in rules
        for module in imports(path)
        if module.split(".")[0] in IMPURE or (module.startswith("shared.") and not f"{module}.".startswith("shared.contracts."))
    ]
    assert found == []
    assert [name(path) for path in rules if CLOCKS.search(path.read_text())] == []
    assert [name(path) for path in rules if any(isinstance(one, ast.AsyncFunctionDef) for one in functions(path))] == []


def test_only_the_database_module_commits() -> None:
    commits = re.compile(r"\.(?:commit|rollback)\(|\bAUTOCOMMIT\b|create_async_engine|\.begin\(")
    allowed = {"shared/data/db.py", "shared/data/migrate.py"}
    found = [name(path) for path in sources("shared", "services") if name(path) not in allowed and commits.search(path.read_text())]
    assert found == []


def test_nobody_notifies_inside_a_transaction() -> None:
    """NOTIFY holds a server-wide lock until after the commit: it cut the commit rate to a third."""
    assert [name(path) for path in PRODUCT if re.search(r"pg_notify|\bNOTIFY\s+\w", path.read_text()) and path.name != "db.py"] == []


def test_files_and_functions_stay_small() -> None:
    written_by_hand = [path for path in ALL if "Written by `./aftersale generate`" not in path.read_text().partition("\n")[0]]
    long_files = [(name(path), count) for path in written_by_hand if (count := len(path.read_text().splitlines())) > MAX_FILE_LINES]
    long_functions = [
        (name(path), one.name, (one.end_lineno or one.lineno) - one.lineno + 1)
        for path in written_by_hand
        for one in functions(path)
        if (one.end_lineno or one.lineno) - one.lineno + 1 > MAX_FUNCTION_LINES
    ]
    wide = [
        (name(path), one.name)
        for path in PRODUCT
        for one in functions(path)
        if one.name != "settings_customise_sources" and len(one.args.posonlyargs) + len(one.args.args) > MAX_POSITIONAL_PARAMETERS
    ]
    assert (long_files, long_functions, wide) == ([], [], [])


def test_no_file_is_named_for_nothing() -> None:
    assert [name(path) for path in ALL if path.stem in BANNED_NAMES or path.parent.name in BANNED_NAMES] == []


def test_nothing_is_left_undone() -> None:
    unfinished = re.compile(
        r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplementedError\(|pytest\.mark\.(?:skip|xfail)\b|MagicMock|mock\.patch"
    )
    found = [(name(path), match.group()) for path in ALL if path != Path(__file__) and (match := unfinished.search(path.read_text()))]
    assert found == []


def test_tests_wait_for_conditions_not_for_time() -> None:
    """`time.sleep` and a bare `asyncio.sleep` are only for the two places that poll a condition with a deadline, and for simulated work."""
    found = [
        (name(path), number)
        for path in sources("tests")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"time\.sleep\((?:[1-9]|0\.[5-9])|asyncio\.sleep\((?:[1-9]|0\.[5-9])", line)
    ]
    assert found == []


def test_every_line_switched_off_says_why() -> None:
    switched_off = re.compile(r"#\s*(?:type:\s*ignore|noqa)(?P<codes>[^#\n(]*)(?P<reason>.*)$", re.MULTILINE)
    found = [
        (name(path), match.group().strip())
        for path in ALL
        if path != Path(__file__)
        for match in switched_off.finditer(path.read_text())
        if len(match["reason"].strip(" #()")) < 10
    ]
    assert found == []


def test_no_path_of_a_machine_and_no_registry_host() -> None:
    hosts = ("deb.debia" + "n.org", "pyp" + "i.org", "pythonhoste" + "d.org", "registry.npmj" + "s.org")
    paths = ("/wor" + "k/", "/roo" + "t/")
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [(name(path), word) for word in (*hosts, *paths) if word in text]
    assert found == []


def test_decisions_have_their_four_parts() -> None:
    wanted = ("Context", "Decision", "Alternatives", "When to revisit")
    decisions = sorted((PROJECT / "docs" / "decisions").glob("*.md"))
    assert decisions
    assert [(name(path), part) for path in decisions for part in wanted if f"## {part}" not in path.read_text()] == []
    assert [name(path) for path in decisions if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)] == []
