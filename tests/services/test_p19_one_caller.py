"""P19 by counts: beside each attack another store's calls are all answered, and the attack is refused as it should be.

How long others wait beside each attack, and that each bites once its guard is taken out, is `make proof ONLY=p19` (docs/p19.md). The
guards one by one: test_front_door.py, test_front_door_limits.py, test_unread_answers.py, kernel/test_shares.py, kernel/test_confined.py.
"""

import asyncio
import uuid
from collections import Counter
from contextlib import suppress

import pytest

from tests.attacks import ATTACKS
from tests.attacks.target import Target
from tests.shop import Shop, eventually, order_p
from tests.stack import Stack

ROUNDS = 4
REFUSED = {
    "four_big_bodies": {"answered 401", "closed unanswered"},
    "unknown_fields": {"answered 413", "answered 422", "closed unanswered"},
    "no_tokens": {"answered 401"},
    "bad_tokens": {"answered 401"},
}
"""What each attack may hear: an answer from the head, or a connection that was closed before all of its body was sent."""


@pytest.mark.parametrize("name", sorted(REFUSED))
async def test_another_stores_calls_are_all_answered(name: str, stack: Stack, shop: Shop) -> None:
    attack = ATTACKS[name](Target.of(stack, stack.urls, f"greedy-{uuid.uuid4().hex[:8]}"))
    running = asyncio.create_task(attack.run())
    try:
        await eventually(lambda: _refused(attack.counts))
        heard: Counter[int] = Counter()
        for _ in range(ROUNDS):
            placed = await shop.platform.post("/orders/v1/orders", json=order_p())
            order_id = placed.ok()["order_id"]
            read = await shop.customer().get(f"/orders/v1/orders/{order_id}")
            moved = await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "confirmed"})
            heard.update((placed.status, read.status, moved.status))
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert heard == {201: ROUNDS, 200: 2 * ROUNDS}
    assert set(attack.counts) <= REFUSED[name], attack.counts


async def _refused(counts: Counter[str]) -> int:
    return counts.total()
