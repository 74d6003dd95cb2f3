from collections.abc import AsyncIterator

import pytest

from tests.services.kernel.lab import Lab, running_lab
from tests.stack import Stack


@pytest.fixture
async def lab(stack: Stack) -> AsyncIterator[Lab]:
    """The kernel alone, on a database and a namespace of its own."""
    async with running_lab(stack) as made:
        yield made
