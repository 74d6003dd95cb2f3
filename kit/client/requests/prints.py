"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict


class PrintsInput(TypedDict):
    """What to print of many orders."""

    order_ids: Sequence[str]
    """Up to 200, printed in this order."""
    button: Literal["receipt", "invoice", "packing-slip", "refund-request"]
    paper: NotRequired[Literal["a4", "letter", "a5", "roll80", "roll58"] | None]
    """By default what the store's settings say."""
    skip_missing: NotRequired[bool]
    """Print the others where an order is missing; the last page lists those that are."""
