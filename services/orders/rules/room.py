"""Limits the size of a new order, so that every later event of it fits: no accepted order can ever get stuck. Pure.

    an event = its lines (measured) + its payments, part cancellations and closings (counted) + everything else (texts of bounded length)

Each part has its limit here, and a test adds up the maxima: tests/rules/test_room.py, docs/decisions/0020-room-for-life.md
"""

from collections.abc import Sequence

from shared.contracts.errors import TooLarge

MAX_LINES_BYTES = 755_000
"""Of all lines in an event, as sent. 2,000 lines with typical figures have room for 60 Bengali letters each."""

MAX_PAYMENT_RECORDS = 500
"""Payments of one order. Each can be reversed, so an event may carry twice as many records; part reversals leave room for fewer."""

MAX_CLOSINGS = 20
MAX_CLOSINGS_BYTES = 45_000
"""Closed differences of one order, and their room in an event."""

MAX_PART_CANCELLATIONS = 20
MAX_CANCELLED_PARTS = 1_000
"""Part cancellations of one order, and the lines that all of them name."""

MAX_PARTS_BYTES = 250_000
"""Of all part cancellations in an event, with the units that they add to its lines."""

MAX_EXTERNAL_DOCUMENTS = 50
"""Documents of other systems that an order may name."""

MAX_RECORD_BYTES = 3_000
"""Of one payment record in an event: its texts have limits of their own."""

MAX_PARCELS = 50
MAX_PARCELS_BYTES = 60_000
"""Parcels of one order, and what all of them take in an event, as sent."""

MAX_OTHER_BYTES = 240_000
"""Of everything else in an event of an order: contact, addresses, parcels, reasons, messages, numbers."""


def lines_bytes(lines: Sequence[str]) -> int:
    """The most bytes that these lines, each given as compact JSON, take in an event as sent.

    PostgreSQL writes a space after every colon and comma: at most two for each key, and one after the line.
    """
    return sum(len(line.encode()) + 2 * line.count('":') + 1 for line in lines)


def enough_room(lines: Sequence[str]) -> None:
    """Raises TooLarge `order_too_large` if these lines, each as compact JSON, leave no room for the order's later events."""
    size = lines_bytes(lines)
    if size > MAX_LINES_BYTES:
        detail = f"The lines have {size} bytes in UTF-8; at most {MAX_LINES_BYTES} are allowed: shorten names or SKUs, or split the order."
        raise TooLarge("order_too_large", detail, bytes=size, most_bytes=MAX_LINES_BYTES)
