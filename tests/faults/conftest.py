from collections.abc import AsyncIterator

import pytest

from tests.faults.grave import Grave, a_grave
from tests.stack import Stack


@pytest.fixture
async def grave(stack: Stack) -> AsyncIterator[Grave]:
    """A place for victims, on a database and a namespace of its own."""
    async with a_grave(stack) as made:
        yield made
