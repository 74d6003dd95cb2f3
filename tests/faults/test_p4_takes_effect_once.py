"""P4. An event takes effect once, for ever: the inbox row is part of the effect's own transaction."""

import pytest

from tests.faults.grave import Grave

TYPE = "document.issued.v1"


@pytest.mark.parametrize(
    "place", [f"commit.before:consume:{TYPE}#2", f"commit.after:consume:{TYPE}#2", f"ack.before:{TYPE}#2", f"ack.after:{TYPE}#2"]
)
async def test_a_consumer_that_dies_neither_loses_nor_doubles_an_effect(grave: Grave, place: str) -> None:
    await grave.run_until_killed(place)
    await grave.settle()
    changes = await grave.changes()
    assert len(changes) >= 2
    assert dict(await grave.reactions()) == dict.fromkeys(changes, 1)
    assert await grave.lab.count("notes.inbox") == len(changes)
