"""P4. An event takes effect once, for ever: the inbox row is part of the effect's own transaction."""

import pytest

from tests.faults.grave import Grave

TYPE = "document.issued.v1"


@pytest.mark.parametrize(
    "place", [f"commit.before:consume:{TYPE}#2", f"commit.after:consume:{TYPE}#2", f"ack.before:{TYPE}#2", f"ack.after:{TYPE}#2"]
)
async def test_a_consumer_that_dies_neither_loses_nor_doubles_an_effect(grave: Grave, place: str) -> None:
    """Everything was sent before, so that no relay sends it again: what the consumer loses is lost."""
    await grave.send(changes=5)
    await grave.run_until_killed(place, changes=0)
    await grave.settle()
    assert dict(await grave.reactions()) == dict.fromkeys(range(5), 1)
    assert await grave.lab.count("notes.inbox") == 5
