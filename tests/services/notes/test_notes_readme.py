"""The README's tables say what the code does."""

import re
from pathlib import Path

from fastapi.routing import APIRoute

from services.notes import rules, tables
from services.notes.app import SERVICE
from services.notes.rules.timeline import ENTRIES
from shared.contracts import events
from shared.contracts.actor import WHO
from shared.data.schema import service_metadata

README = Path("services/notes/README.md").read_text()
KERNEL_TABLES = {table.name for table in service_metadata("notes").tables.values()}
AUDIENCE = {
    **dict.fromkeys(
        ("order.placed", "order.shipped", "refund.approved", "refund.cancelled", "refund.settled", "document.issued"), "customer"
    ),
    **dict.fromkeys(("refund.requested", "refund.settlement_failed"), "private"),
}


def table(heading: str) -> list[list[str]]:
    """Rows of the table under a heading, cell by cell, without backticks."""
    section = re.split(r"^## ", README, flags=re.M)
    [body] = [part for part in section if part.startswith(heading + "\n")]
    lines = [line for line in body.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def test_owns() -> None:
    assert [row[0] for row in table("Owns")] == [
        name for name in (t.name for t in tables.metadata.tables.values()) if name not in KERNEL_TABLES
    ]


def test_commands() -> None:
    routes = [route for route in SERVICE.router.routes if isinstance(route, APIRoute)]
    known = {(f"{method} {route.path}", route.operation_id) for route in routes for method in route.methods or ()}
    assert {(row[0], row[1]) for row in table("Commands")} == known


def test_events_in() -> None:
    rows = {row[0]: row[1] for row in table("Events in")}
    assert set(rows) == set(SERVICE.consumers.handlers) == {name for name, event in events.EVENTS.items() if "notes" in event.readers}
    for name, audience in rows.items():
        assert (events.EVENTS[name] in ENTRIES) == (not audience.startswith("nobody")), name
        expected = AUDIENCE.get(name.removesuffix(".v1"))
        assert expected is None or audience.startswith(expected), name


def test_events_out() -> None:
    assert [row[0] for row in table("Events out")] == [name for name in events.EVENTS if name.split(".")[0] in events.SOURCES["notes"]]


def test_refusals() -> None:
    assert {row[0] for row in table("Refusals")} == set(rules.PROBLEMS)
    raised = set()
    for source in Path("services/notes").rglob("*.py"):
        text = source.read_text()
        raised |= set(re.findall(r'(?:refused|forbidden|not_yet|Invalid|Forbidden|NotFound|Refused)\(\s*"([a-z_]+)"', text))
    assert raised - WHO.keys() == set(rules.PROBLEMS)
