"""P1. Atomic capture: a change and its events exist together or not at all."""

import ast

import pytest

from tests.faults.grave import Grave
from tests.faults.sites import sites, unguarded_sites
from tests.stack import PROJECT

POINTS = (
    "commit.before",  # the change and its events are written, nothing is durable
    "commit.after",  # durable, but nobody has been answered or woken
    "publish.before",  # claimed by the relay, not sent
    "confirm.after",  # the broker has it, the outbox does not know
    "ack.before",  # the effect is durable, the broker does not know
    "ack.after",
    "deliver.after",  # a stranger's endpoint has it, and nobody has recorded that
)

NOT_A_SERVICE = {"shared/data/migrate.py"}  # migrations run before a service does, and repeat as a whole


def product() -> dict[str, str]:
    """Sources that run in a service."""
    files = sorted(path for folder in ("shared", "services") for path in (PROJECT / folder).rglob("*.py"))
    named = {str(path.relative_to(PROJECT)): path.read_text() for path in files}
    return {name: text for name, text in named.items() if name not in NOT_A_SERVICE and "/migrations/" not in name}


@pytest.mark.parametrize(
    ("place", "survives", "acknowledged"),
    [
        ("commit.before:victim.change#3", {0, 1}, {0, 1}),
        ("commit.after:victim.change#3", {0, 1, 2}, {0, 1}),
        ("commit.after:victim.change#1", {0}, set()),
    ],
)
async def test_a_change_and_its_event_stand_or_fall_together(grave: Grave, place: str, survives: set[int], acknowledged: set[int]) -> None:
    await grave.run_until_killed(place)
    assert await grave.changes() == survives
    assert dict(await grave.events()) == dict.fromkeys(survives, 1)
    assert grave.acknowledged == acknowledged


def test_every_commit_publish_confirm_and_ack_has_its_crash_points() -> None:
    found = {file: sites(text, file) for file, text in product().items()}
    assert {site.kind for every in found.values() for site in every} == {"commit", "publish", "ack"}
    assert [site for file, text in product().items() for site in unguarded_sites(text, file)] == []


def test_every_crash_point_is_a_known_one_and_each_is_somewhere() -> None:
    used = {
        call.args[0].value
        for text in product().values()
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "crash_point"
        if isinstance(call.args[0], ast.Constant)
    }
    assert used == set(POINTS)


@pytest.mark.parametrize(
    "bare",
    [
        "async def f(c):\n    await c.commit()",
        "async def f(c):\n    crash_point('commit.before', 'f')\n    await c.commit()",
        "async def f(c):\n    await c.commit()\n    crash_point('commit.after', 'f')",
        "async def f(m):\n    crash_point('ack.after', 'f')\n    await m.ack()\n    crash_point('ack.before', 'f')",
        "async def f(b):\n    await b.publish(b'')",
        "class D:\n    async def f(self):\n        async with self._autocommit.connect() as c:\n            await c.execute(1)",
    ],
)
def test_the_search_finds_a_site_without_its_points(bare: str) -> None:
    assert len(unguarded_sites(bare, "made_up.py")) == 1
