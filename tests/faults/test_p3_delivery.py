"""P3. Delivery without an operator: every committed event reaches its consumer by itself, wherever the sender died."""

import pytest

from tests.faults.grave import Grave

TYPE = "document.issued.v1"


@pytest.mark.parametrize(
    "place",
    [
        "commit.after:victim.change#5",
        f"publish.before:{TYPE}#3",
        f"confirm.after:{TYPE}#3",
        "commit.before:relay#1",
        "commit.after:relay#1",
    ],
)
async def test_a_sender_that_dies_leaves_nothing_unsent(grave: Grave, place: str) -> None:
    await grave.run_until_killed(place)
    await grave.settle()
    assert dict(await grave.reactions()) == dict.fromkeys(await grave.changes(), 1)
    assert grave.acknowledged <= await grave.changes()
