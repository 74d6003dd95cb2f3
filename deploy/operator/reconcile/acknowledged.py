"""Findings that somebody has examined and explained: they are counted, but are no longer discrepancies.

A finding is identified by its kind and id. One that states a number (`clock_disagreement`) is acknowledged up to that number: a larger
number is a new finding.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.operator.reconcile.across import Found
from deploy.operator.reconcile.run import Report
from deploy.operator.state import PROJECT, base_folder
from deploy.operator.trouble import Trouble

VARIABLE = "AFTERSALE_ACKNOWLEDGED_FILE"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One finding: why it is acceptable, when it was acknowledged, and how many rows it covered."""

    kind: str
    id: str
    reason: str
    at: str
    count: int


def file() -> Path:
    """The file of acknowledgements: AFTERSALE_ACKNOWLEDGED_FILE, else one in this clone's folder."""
    named = os.environ.get(VARIABLE, "")
    return Path(named) if named else base_folder(PROJECT) / "acknowledged.json"


def read(path: Path) -> list[Acknowledgement]:
    """The acknowledgements in the file; none if it does not exist yet. Raises Trouble if it cannot be read."""
    try:
        return [Acknowledgement(**entry) for entry in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise Trouble(f"{path} cannot be read: {error}", f"fix it, or move it away ({VARIABLE} names another)") from error


def acknowledge(path: Path, what: str, reason: str, report: Report) -> Acknowledgement:
    """Add the finding `KIND/ID` of `report` to the file. Raises Trouble if the report has no such finding, or without a reason."""
    kind, _, found_id = what.partition("/")
    if not reason.strip():
        raise Trouble("An acknowledgement needs a reason.", 'add --reason "…" for whoever reads it later')
    found = [one for one in report.found if (one.kind, one.id) == (kind, found_id)]
    if not found:
        raise Trouble(
            f"There is no finding of kind {kind!r} with the id {found_id!r}.", "use KIND/ID as shown by `aftersale reconcile --json`"
        )
    made = Acknowledgement(kind, found_id, reason, datetime.now(UTC).isoformat(timespec="seconds"), how_many(found[0]))
    kept = [one for one in read(path) if (one.kind, one.id) != (kind, found_id)]
    fresh = path.with_suffix(".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps([asdict(one) for one in [*kept, made]], indent=1) + "\n")
    fresh.replace(path)
    return made


def leave_out(report: Report, known: list[Acknowledgement]) -> None:
    """Remove acknowledged findings from a report, and count them separately."""
    upto = {(one.kind, one.id): one.count for one in known}
    kept = []
    for one in report.found:
        if how_many(one) <= upto.get((one.kind, one.id), -1):
            report.counted[one.kind] -= 1
            report.acknowledged[one.kind] += 1
        else:
            kept.append(one)
    report.found = kept


def how_many(one: Found) -> int:
    """How many rows a finding covers: the number that its detail begins with, else one."""
    match = re.match(r"\d+(?= )", one.detail) if one.kind == "clock_disagreement" else None
    return int(match.group()) if match else 1
