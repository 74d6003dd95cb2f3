"""Where an event may hold personal data, and how it is taken out: the same for every service, and for readers of webhooks."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

ERASED_REASON = "customer erased"
"""The reason that the erasure itself writes; it is not blanked."""
KEPT: tuple[Any, ...] = (None, "", {}, ERASED_REASON)
"""Values that are not personal, wherever they are."""

WRITTEN: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("personal",), {}),
    (("reason",), ""),
    (("reported_by",), ""),
    (("order", "cancellation", "reason"), ""),
    (("order", "tracking"), None),
)
"""Paths in an event's data that may hold personal data, and the value that replaces it.

A parcel's tracking is one of them: with its number, the carrier's page shows the customer's name and address.
"""

ITEMS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("order", "parcels"), {"number": "", "url": None}),
    (("order", "part_cancellations"), {"reason": ""}),
)
"""Paths of lists whose items may hold personal data, and the values that replace it in each: the item stays, without them."""


def without_personal(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an event's data with whatever may be personal replaced.

    Raises AttributeError or TypeError if `data` is not an event's.
    """
    blanked = dict(copy.deepcopy(data))
    for path, blank in WRITTEN:
        _blank(blanked, path, blank)
    for (*parents, last), blanks in ITEMS:
        for item in _within(blanked, parents).get(last) or ():
            item.update(blanks)
    return blanked


def _blank(data: dict[str, Any], path: tuple[str, ...], blank: Any) -> None:
    *parents, last = path
    data = _within(data, parents)
    if data.get(last) not in (None, ERASED_REASON):
        data[last] = blank


def _within(data: dict[str, Any], parents: Sequence[str]) -> dict[str, Any]:
    for name in parents:
        data = data.get(name) or {}
    return data
