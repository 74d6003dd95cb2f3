"""The README's tables say what the code does."""

import re
from pathlib import Path
from typing import get_args

from fastapi import FastAPI

from services.documents import rules, tables
from services.documents.app import SERVICE
from services.documents.rules.due import Cause
from shared.contracts import events
from shared.data.schema import service_metadata

FOLDER = Path("services/documents")
README = (FOLDER / "README.md").read_text()
KERNEL_TABLES = {table.name for table in service_metadata("documents").tables.values()}


def table(heading: str) -> list[list[str]]:
    """Rows of the table under a heading, cell by cell, without backticks."""
    [section] = [part for part in re.split(r"^## ", README, flags=re.M) if part.startswith(heading + "\n")]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def test_owns() -> None:
    own = [one.name for one in tables.metadata.tables.values() if one.name not in KERNEL_TABLES]
    assert [row[0] for row in table("Owns")] == own


def test_issued() -> None:
    rows = table("Issued")
    assert {row[0] for row in rows} == set(get_args(events.DocumentKind))
    assert {row[1] for row in rows} == set(get_args(Cause))


def test_commands() -> None:
    app = FastAPI()
    app.include_router(SERVICE.router)
    paths = app.openapi()["paths"]
    routes = {(f"{method.upper()} {path}", call["operationId"]) for path, calls in paths.items() for method, call in calls.items()}
    assert {(row[0], row[1]) for row in table("Commands")} == routes


def test_events_in() -> None:
    heard = {row[0] for row in table("Events in")}
    assert heard == set(SERVICE.consumers.handlers) == {name for name, event in events.EVENTS.items() if "documents" in event.readers}


def test_events_out() -> None:
    assert [row[0] for row in table("Events out")] == [name for name in events.EVENTS if name.split(".")[0] in events.SOURCES["documents"]]


def test_refusals() -> None:
    assert {row[0]: row[1].replace("`", "") for row in table("Refusals")} == {
        code: text.replace("`", "") for code, text in rules.PROBLEMS.items()
    }
    raised = {"rendering_failed"}
    for source in FOLDER.rglob("*.py"):
        kinds = "refused|forbidden|not_yet|Invalid|Forbidden|NotFound|Refused|TooLarge"
        raised |= set(re.findall(rf'(?:{kinds})\(\s*"([a-z_]+)"', source.read_text()))
    assert raised == set(rules.PROBLEMS)
