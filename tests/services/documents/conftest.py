"""What the tests of documents start from: a teller of other services' events."""

from collections.abc import AsyncIterator

import pytest

from tests.services.documents.telling import Life, Teller, teller_on
from tests.shop import Shop
from tests.stack import Stack


@pytest.fixture(scope="session")
async def teller(stack: Stack) -> AsyncIterator[Teller]:
    """Tells documents what orders and refunds would tell it."""
    async with teller_on(stack.amqp_url, stack.name) as made:
        yield made


@pytest.fixture
def life(shop: Shop) -> Life:
    """One order of a fresh store, nothing of it told yet."""
    return Life(shop.store)
