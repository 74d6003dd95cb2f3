"""An endpoint of a shop, and a receiver behind it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.services.webhooks.receivers import Receiver, answering, receiving
from tests.shop import Answer, Shop


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that accepts everything."""
    async with receiving(answering()) as made:
        yield made


async def endpoint(shop: Shop, receiver: Receiver, **more: Any) -> Answer:
    """A new endpoint of the shop that sends to this receiver."""
    return (await shop.platform.post("/webhooks/v1/webhooks/endpoints", json={"url": receiver.url(), **more})).ok()
