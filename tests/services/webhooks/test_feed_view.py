"""A page of the feed is written from stored JSON exactly as if it had been parsed and written anew."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.webhooks.state import FeedEvent, FeedPage
from services.webhooks.views import FeedEventView, FeedView

NOW = datetime(2026, 11, 27, 9, 30, 15, 123_000, tzinfo=UTC)
BODIES = ["{}", '{"data":{"items":[],"note":"[] {}} \\"ß €\\""}}', '{"a":{"b":{}}}']


def event(position: int, body: str) -> FeedEvent:
    return FeedEvent("s", position, UUID(int=position), "order.placed.v1", "orders", "order_1", 1, NOW, NOW, NOW, body)


@pytest.mark.parametrize("bodies", [[], BODIES[:1], BODIES])
def test_it_is_the_same_text(bodies: list[str]) -> None:
    page = FeedPage([event(number, body) for number, body in enumerate(bodies, 1)], after=7, more=True)
    plain = FeedView(items=[FeedEventView.of(one) for one in page.items], after=7, more=True)
    assert FeedView.written(page) == plain.model_dump_json()
    assert [item["event"] for item in json.loads(FeedView.written(page))["items"]] == [json.loads(body) for body in bodies]
