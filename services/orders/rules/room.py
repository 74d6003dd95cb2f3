"""How big an order may be placed, so that every event of its later life fits: nothing that is accepted can ever get stuck. Pure.

    an event = its lines (frozen at placing) + its payments (counted: rules.payments) + everything else (texts of bounded length)

Each part has its bound here, and a test adds up the largest of each: tests/rules/test_room.py, docs/decisions/0020-room-for-life.md
"""

from collections.abc import Sequence

from shared.contracts.errors import TooLarge
from shared.contracts.events import OrderLine

MAX_LINES_BYTES = 755_000
"""Of all lines together within an event, as it is sent. 2,000 lines of usual figures have room for 60 Bengali letters each."""

MAX_PAYMENT_RECORDS = 500
"""Payments of one order. Each can be reversed, so that an event may carry twice as many records."""

MAX_RECORD_BYTES = 3_000
"""Of one payment record within an event: its texts have a length of their own."""

MAX_OTHER_BYTES = 120_000
"""Of whatever else an event of an order carries: contact, addresses, tracking, reasons, messages, numbers."""

_BLANKS = 2 * len(OrderLine.model_fields) + 1
"""PostgreSQL writes a blank after every colon and comma: so many more bytes are sent of a line than its compact JSON has."""


def lines_bytes(lines: Sequence[str]) -> int:
    """What these lines, each as compact JSON, will be of an event as it is sent."""
    return sum(len(line.encode()) + _BLANKS for line in lines)


def enough_room(lines: Sequence[str]) -> None:
    """Raises TooLarge `order_too_large` where these lines, each as compact JSON, leave no room for the order's life."""
    size = lines_bytes(lines)
    if size > MAX_LINES_BYTES:
        detail = f"The lines come to {size} bytes in UTF-8, and {MAX_LINES_BYTES} are possible: shorten names or SKUs, or split the order."
        raise TooLarge("order_too_large", detail, bytes=size, most_bytes=MAX_LINES_BYTES)
