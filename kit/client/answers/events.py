"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Any

from kit.client.answer import Answer
from kit.client.answers.shared import DeliveryDetailView


class EventDetailView(Answer):
    """An event, which of our services read its type, and where it was sent, each attempt included."""

    position: int
    received_at: datetime
    event: dict[str, Any]
    read_by: list[str]
    deliveries: list[DeliveryDetailView]


class FeedEventView(Answer):
    """An event in the store's feed: its position there, and the CloudEvent as it is sent to endpoints."""

    position: int
    received_at: datetime
    event: dict[str, Any]


class FeedView(Answer):
    """Events after a position, in the order of their arrival. Ask again with `after`; `more` says whether more is there already."""

    items: list[FeedEventView]
    after: int
    more: bool
