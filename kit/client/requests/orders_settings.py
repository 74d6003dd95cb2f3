"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from typing import Literal, TypedDict


class OrderSettingsInput(TypedDict):
    """The complete settings: a PUT replaces them all."""

    cancel_preset: Literal["cancellation-control", "order-cancellation"]
    customer_cancel_until: Literal["picked_up", "shipped", "delivered"]
    stock: bool
    number_prefix: str
    time_zone: str
