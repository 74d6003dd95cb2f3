"""What the tests of notes start from: a teller of other services' events, and an order that is known."""

from collections.abc import AsyncIterator

import pytest

from shared.contracts.events import OrderPlaced
from tests.services.notes.story import Story, Teller, teller
from tests.shop import Shop
from tests.stack import Stack


@pytest.fixture(scope="session")
async def tells(stack: Stack) -> AsyncIterator[Teller]:
    async with teller(stack.amqp_url, stack.name) as made:
        yield made


@pytest.fixture
async def story(shop: Shop, tells: Teller) -> Story:
    """An order of customer c-1, of which notes knows that it was placed."""
    made = Story(shop.store)
    await tells.tell(shop, made.ordered(OrderPlaced, 1, 0))
    return made
