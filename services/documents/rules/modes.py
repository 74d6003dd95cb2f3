"""Who issues documents of a kind, and from when on (real-shops.md 3.3): settings change what happens from then on, never the past."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from services.documents.requests import IssuesInput
from services.documents.state.issuing import MODED, ModeChange, Modes, SaidMode, Start
from shared.contracts.actor import Decision, allowed, refused
from shared.contracts.events import DocumentKind


def said_modes(request: IssuesInput) -> dict[str, SaidMode]:
    """The modes that a request wants, by kind."""
    wanted = {kind: getattr(request, kind) for kind in MODED}
    return {kind: SaidMode(mode=one.mode, starts=one.from_day) for kind, one in wanted.items()}


def first_moment(day: date, time_zone: str) -> datetime:
    """When the store's `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def changed(modes: Modes, wanted: Mapping[str, SaidMode], time_zone: str, version: int, *, now: datetime) -> Modes:
    """The changes once settings that want these modes are saved as `version` at `now`. What was only planned is planned anew.

    A day that has begun means from now on: whatever happened before may have been issued, or not, already.
    """
    after: list[ModeChange] = [one for one in modes.changes if one.since <= now]
    for kind in MODED:
        said = wanted.get(kind, SaidMode())
        if said.mode != modes.at(kind, now):
            since = now if said.starts is None else max(now, first_moment(said.starts, time_zone))
            after.append(ModeChange(kind, since, said.mode, version))
    return Modes(tuple(sorted(after, key=lambda one: one.since)))


def may_start(starts: Mapping[DocumentKind, int], begun: Iterable[tuple[str, int]], year: int) -> Decision:
    """Whether the series of `year` may start with these numbers. `begun`: kind and first number of those that have."""
    first_of = dict(begun)
    for kind, first in starts.items():
        if first_of.get(kind, first) != first:
            detail = f"The series of {kind} has begun in {year} with {first_of[kind]}: a start can be chosen before its first document."
            return refused("series_begun", detail, kind=kind, year=year, first=first_of[kind])
    return allowed()


def first_number(starts: Mapping[str, Start], kind: str, year: int) -> int:
    """The number that the series of a kind and year begins with."""
    start = starts.get(kind)
    return start.first if start is not None and start.year == year else 1
