"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime

from kit.client.answer import Answer
from kit.client.answers.shared import ByView


class RefundPolicyView(Answer):
    """A store's refund settings, as of `version`; version 0 is the defaults."""

    version: int
    valid_from: datetime
    manage_stock: bool
    attachments: bool
    deduct_shipping: bool
    window_days: int | None
    reasons: list[str]
    overdue_after_hours: int
    saved_by: ByView | None
    saved_at: datetime | None


class RefundPolicyPage(Answer):
    """A page of `RefundPolicyView`."""

    items: list[RefundPolicyView]
    next_cursor: str | None
    previous_cursor: str | None = None
