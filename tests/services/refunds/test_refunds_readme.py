"""The README's tables say what the code does."""

import re
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from services.refunds import tables
from services.refunds.app import SERVICE
from services.refunds.rules.problems import PROBLEMS
from services.refunds.rules.settlement import effect_of
from services.refunds.state import Outcome, Policy, Settlement
from shared.contracts import errors, events
from shared.data.schema import service_metadata
from tests.rules.test_refund_decisions import APPROVED
from tests.stack import PROJECT

HERE = PROJECT / "services" / "refunds"
README = (HERE / "README.md").read_text()
KERNEL_TABLES = {table.name for table in service_metadata("refunds").tables.values()}
RAISED = re.compile(r'\b(refused|forbidden|not_yet|Invalid|Forbidden|NotFound|Refused|TooLarge)\(\s*"([a-z_]+)"')
STATUS = {"refused": 409, "forbidden": 403, "not_yet": 409} | {
    name: getattr(errors, name).status for name in ("Invalid", "Forbidden", "NotFound", "Refused", "TooLarge")
}


def table(heading: str, number: int = 0) -> list[list[str]]:
    """Rows of a table under a heading, cell by cell, without backticks."""
    [body] = [part for part in re.split(r"^## ", README, flags=re.MULTILINE) if part.startswith(heading + "\n")]
    tables = [block.splitlines()[2:] for block in re.findall(r"(?:^\|.*\n)+", body, flags=re.MULTILINE)]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")] for line in tables[number]]


def test_owns() -> None:
    assert {row[0] for row in table("Owns")} == {t.name for t in tables.metadata.tables.values()} - KERNEL_TABLES


def test_states() -> None:
    assert [row[0] for row in table("States")] == ["processing", "approved", "cancelled"]
    shown = {row[0]: row[2:] for row in table("States", 1)}
    assert shown.pop("none") == ["refused"] * 4
    reports: list[tuple[Outcome, int]] = [("succeeded", 8_000), ("succeeded", 1_000), ("succeeded", 8_001), ("failed", 8_000)]
    sent: dict[Settlement, int] = {"unsettled": 3_000, "failed": 3_000, "settled": 11_000}

    def says(settlement: Settlement, outcome: Outcome, amount: int) -> str:
        effect = effect_of(replace(APPROVED, settlement=settlement, settled_amount=sent[settlement]), outcome, amount)
        return effect.settlement if effect.counts else "stored, changes nothing, needs attention"

    assert shown == {settlement: [says(settlement, *report) for report in reports] for settlement in sent}


def test_settings_each_with_a_test_that_exists() -> None:
    rows = table("Settings")
    named = {row[0].split()[0] for row in rows}
    assert named == set(Policy.__dataclass_fields__) - {"version", "valid_from", "saved_by", "saved_at"}
    for row in rows:
        path, test = row[3].split("::")
        assert f"async def {test}(" in (PROJECT / path).read_text(), row


def test_the_seeds_words_are_the_seeds() -> None:
    quoted = [row[1] for row in table("Settings") if row[0].split()[0] in ("manage_stock", "attachments", "deduct_shipping")]
    assert len(quoted) == 6
    assert all(text.startswith('"') and text.endswith('"') for text in quoted)


def test_commands() -> None:
    app = FastAPI()
    app.include_router(SERVICE.router)
    routes = {
        (f"{method.upper()} {path}", operation["operationId"])
        for path, item in app.openapi()["paths"].items()
        for method, operation in item.items()
    }
    assert {(row[0], row[1]) for row in table("Commands")} == routes


def test_events_in() -> None:
    reads = {name for name, event in events.EVENTS.items() if "refunds" in event.readers}
    assert {row[0] for row in table("Events in")} == set(SERVICE.consumers.handlers) == reads


def test_events_out() -> None:
    told = [name for name in events.EVENTS if name.split(".")[0] in events.SOURCES["refunds"]]
    assert [row[0] for row in table("Events out")] == told


def test_refusals_with_their_status() -> None:
    raised: dict[str, int] = {}
    for source in Path(HERE).rglob("*.py"):
        for kind, code in RAISED.findall(source.read_text()):
            raised[code] = STATUS[kind]
    shown = {row[0]: int(row[1]) for row in table("Refusals")}
    assert shown == raised
    assert set(shown) == set(PROBLEMS)
