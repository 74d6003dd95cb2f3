"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict


class RefundPolicyInput(TypedDict):
    """All settings of the next version."""

    manage_stock: bool
    attachments: bool
    deduct_shipping: bool
    window_days: NotRequired[int | None]
    reasons: NotRequired[Sequence[str] | None]
    """The reasons that customers choose from; defaults to the standard ones."""
    overdue_after_hours: NotRequired[int]
    valid_from: NotRequired[datetime | None]
    """When it takes effect; defaults to the moment of saving."""
