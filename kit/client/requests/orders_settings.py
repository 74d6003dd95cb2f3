"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from typing import Literal, NotRequired, TypedDict


class OrderSettingsInput(TypedDict):
    """The complete settings: a PUT replaces them all."""

    cancel_preset: Literal["cancellation-control", "order-cancellation"]
    customer_cancel_until: Literal["picked_up", "shipped", "delivered"]
    stock: bool
    number_prefix: str
    time_zone: str
    next_number: NotRequired[int | None]
    """Start the series at this number; absent, null or unchanged leaves the series where it is."""
    country: NotRequired[str | None]
    """The store's country, ISO 3166-1 alpha-2; absent or null derives it from the time zone."""
    oversell: NotRequired[Literal["refuse", "allow"]]
    """`allow` takes an order for more than there is: the level goes below 0, and the order needs attention."""
    closing_limit: NotRequired[int]
    """How much of a difference staff may close, per order and kind, in minor units of its currency."""
