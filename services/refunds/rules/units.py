"""Which units of a line a refund takes: the lowest free ones, as ranges, never one by one (a line may have a million)."""

from collections.abc import Iterable, Sequence

from services.refunds.state import Units


def count(ranges: Iterable[Units]) -> int:
    """The total number of units in the ranges."""
    return sum(units.size for units in ranges)


def free(quantity: int, taken: Iterable[Units]) -> list[Units]:
    """The ranges of 1..`quantity` that are not taken, lowest first."""
    gaps, following = [], 1
    for units in sorted(taken):
        if units.first > following:
            gaps.append(Units(following, units.first - 1))
        following = max(following, units.last + 1)
    if following <= quantity:
        gaps.append(Units(following, quantity))
    return gaps


def lowest(ranges: Sequence[Units], wanted: int) -> tuple[Units, ...]:
    """The `wanted` lowest units of `ranges` (disjoint, any order); fewer if there are not that many."""
    chosen: list[Units] = []
    for units in sorted(ranges):
        if wanted <= 0:
            break
        part = Units(units.first, min(units.last, units.first + wanted - 1))
        chosen.append(part)
        wanted -= part.size
    return tuple(chosen)
