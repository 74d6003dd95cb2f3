"""The README's tables say what the code does."""

import re
from pathlib import Path

from fastapi import FastAPI

from services.webhooks import rules, tables
from services.webhooks.app import SERVICE
from shared.contracts import events
from shared.contracts.actor import WHO
from tests.services.notes.test_notes_readme import KERNEL_TABLES

README = Path("services/webhooks/README.md").read_text()


def table(title: str) -> list[list[str]]:
    """The rows of the table below a title, without backticks."""
    [section] = [part for part in re.split(r"^## ", README, flags=re.MULTILINE) if part.startswith(title + "\n")]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def test_owns() -> None:
    own = [one.name for one in tables.metadata.tables.values() if one.name not in KERNEL_TABLES]
    assert [row[0] for row in table("Owns")] == own


def test_commands() -> None:
    app = FastAPI()
    app.include_router(SERVICE.router)
    routes = {
        (f"{method.upper()} {path}", operation["operationId"])
        for path, item in app.openapi()["paths"].items()
        for method, operation in item.items()
    }
    assert {(row[0], row[1]) for row in table("Commands")} == routes


def test_it_reads_every_event_that_others_may_see() -> None:
    public = {name for name, event in events.EVENTS.items() if not event.internal}
    assert set(SERVICE.consumers.handlers) == public


def test_events_out() -> None:
    assert [row[0] for row in table("Events out")] == [name for name in events.EVENTS if name.split(".")[0] in events.SOURCES["webhooks"]]


def test_refusals() -> None:
    assert {row[0] for row in table("Refusals")} == set(rules.PROBLEMS)
    raised = set()
    for source in Path("services/webhooks").rglob("*.py"):
        raised |= set(re.findall(r'(?:refused|forbidden|not_yet|Invalid|Forbidden|NotFound|Refused)\(\s*"([a-z_]+)"', source.read_text()))
    assert raised - WHO.keys() == set(rules.PROBLEMS)
