from collections.abc import AsyncIterator

import pytest

from services.webhooks.delivery.sending import Sender
from tests.services.webhooks.delivery.attempts import SHORT_SECONDS, UNHURRIED_SECONDS


@pytest.fixture(scope="module")
async def sender() -> AsyncIterator[Sender]:
    """Waits long, so that a busy machine changes no result."""
    async with Sender(total_seconds=UNHURRIED_SECONDS, connect_seconds=UNHURRIED_SECONDS, text_seconds=UNHURRIED_SECONDS) as made:
        yield made


@pytest.fixture(scope="module")
async def impatient() -> AsyncIterator[Sender]:
    """Does not wait long, for receivers that let it wait."""
    async with Sender(total_seconds=SHORT_SECONDS, connect_seconds=UNHURRIED_SECONDS, text_seconds=SHORT_SECONDS / 5) as made:
        yield made
