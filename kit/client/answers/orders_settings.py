"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Literal

from kit.client.answer import Answer
from kit.client.answers.shared import ByView


class OrderSettingsVersionView(Answer):
    """One version, with who saved it and when."""

    version: int
    cancel_preset: Literal["cancellation-control", "order-cancellation"] | str
    customer_cancel_until: Literal["picked_up", "shipped", "delivered"] | str
    stock: bool
    number_prefix: str
    time_zone: str
    next_number: int | None
    country: str | None
    oversell: Literal["refuse", "allow"] | str
    closing_limit: int
    saved_at: datetime
    saved_by: ByView


class OrderSettingsView(Answer):
    """The settings in force; version 0 is the defaults."""

    version: int
    cancel_preset: Literal["cancellation-control", "order-cancellation"] | str
    customer_cancel_until: Literal["picked_up", "shipped", "delivered"] | str
    stock: bool
    number_prefix: str
    time_zone: str
    next_number: int | None
    country: str | None
    oversell: Literal["refuse", "allow"] | str
    closing_limit: int


class OrderSettingsVersionPage(Answer):
    """A page of `OrderSettingsVersionView`."""

    items: list[OrderSettingsVersionView]
    next_cursor: str | None
    previous_cursor: str | None = None
