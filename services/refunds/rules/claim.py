"""Turns requested lines and quantities into free units."""

from collections.abc import Iterable, Mapping, Sequence

from services.refunds.requests import WantedLine
from services.refunds.rules import units
from services.refunds.state import KnownOrder, Line, Units
from shared.contracts.errors import Invalid, Refused

SHOWN_LINES = 100
Taken = Mapping[int, Iterable[Units]]
"""The units in open and approved refunds, by line."""


def claim(order: KnownOrder, taken: Taken, wanted: Sequence[WantedLine]) -> dict[int, tuple[Units, ...]]:
    """The lowest free units for the wanted quantities. Raises Invalid (no such line, a line twice), Refused `units_not_free`."""
    lines = _lines(order, [one.line for one in wanted])
    claimed = {}
    for line, one in zip(lines, wanted, strict=True):
        number, quantity = one.line, one.quantity
        gaps = units.free(line.quantity, taken.get(number, ()))
        if units.count(gaps) < quantity:
            detail = f"Line {number}: {units.count(gaps)} of {line.quantity} units are free, but {quantity} were requested."
            raise Refused("units_not_free", detail, line=number, free=units.count(gaps), wanted=quantity)
        claimed[number] = units.lowest(gaps, quantity)
    return claimed


def all_free(order: KnownOrder, taken: Taken) -> dict[int, tuple[Units, ...]]:
    """Every free unit, by line; lines without free units are left out."""
    gaps = {line.line: tuple(units.free(line.quantity, taken.get(line.line, ()))) for line in order.lines}
    return {number: ranges for number, ranges in gaps.items() if ranges}


def keep_lowest(claimed: Mapping[int, Sequence[Units]], wanted: Sequence[WantedLine]) -> dict[int, tuple[Units, ...]]:
    """The lowest claimed units for an approval of fewer units; lines that are not named are freed.

    Raises Invalid for a line named twice, Refused `not_requested` for a line or a number of units that the refund does not hold.
    """
    _once([one.line for one in wanted])
    result = {}
    for one in wanted:
        number, quantity = one.line, one.quantity
        held = units.count(claimed.get(number, ()))
        if held < quantity:
            detail = f"Line {number}: the refund holds {held} units, but {quantity} were to be approved."
            raise Refused("not_requested", detail, line=number, requested=held, wanted=quantity)
        result[number] = units.lowest(claimed[number], quantity)
    return result


def _lines(order: KnownOrder, numbers: Sequence[int]) -> list[Line]:
    _once(numbers)
    known = {line.line: line for line in order.lines}
    for at, number in enumerate(numbers):
        if number not in known:
            accepted = f"The order has the lines {', '.join(str(line) for line in sorted(known)[:SHOWN_LINES])}."
            raise Invalid("unknown_line", f"The order has no line {number}.", at=f"/lines/{at}/line", accepted=accepted)
    return [known[number] for number in numbers]


def _once(numbers: Sequence[int]) -> None:
    for at, number in enumerate(numbers):
        if number in numbers[:at]:
            accepted = "Name each line once, with all its units."
            raise Invalid("line_twice", f"Line {number} is named twice.", at=f"/lines/{at}/line", accepted=accepted)
