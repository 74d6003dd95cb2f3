"""One dead and one silent endpoint among a hundred delay none of the others, counted and not timed."""

import asyncio
from collections import Counter

from tests.services.webhooks.conftest import endpoint
from tests.services.webhooks.receivers import Receiver, receiving, silent
from tests.shop import Shop, eventually, order_p
from tests.stack import free_port

OTHERS = 98
ORDERS = 3


async def test_the_other_98_have_everything_while_the_silent_one_has_not_answered_once(shop: Shop, receiver: Receiver) -> None:
    async with receiving(silent) as slow:
        address = "/webhooks/v1/webhooks/endpoints"
        dead = (await shop.platform.post(address, json={"url": f"http://127.0.0.1:{free_port()}/"})).ok()["endpoint_id"]
        waits = (await endpoint(shop, slow, types=["order.placed.v1"]))["endpoint_id"]
        urls = [receiver.url(path=f"/{number}") for number in range(OTHERS)]
        made = await asyncio.gather(*(shop.platform.post(address, json={"url": url, "types": ["order.placed.v1"]}) for url in urls))
        assert {one.status for one in made} == {201}
        for _ in range(ORDERS):
            (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()

        async def all_there() -> bool:
            return len(receiver.seen) >= OTHERS * ORDERS

        await eventually(all_there)
        counted = Counter(one.line.split(" ")[1] for one in receiver.seen)
        assert counted == {f"/{number}": ORDERS for number in range(OTHERS)}
        for one in (dead, waits):
            items = (await shop.staff.get(f"/webhooks/v1/webhooks/deliveries?endpoint_id={one}&limit=200")).ok()["items"]
            assert {item["state"] for item in items} == {"waiting"}


async def test_an_endpoint_has_only_its_own_number_of_calls_in_progress(shop: Shop, receiver: Receiver) -> None:
    """Whatever else is due there waits, however much room there is."""
    async with receiving(silent) as slow:
        await endpoint(shop, slow, types=["order.placed.v1"], calls_at_once=1)
        await endpoint(shop, receiver, types=["order.placed.v1"])
        placing = [shop.platform.post("/orders/v1/orders", json=order_p()) for _ in range(10)]
        assert {one.status for one in await asyncio.gather(*placing)} == {201}

        async def others_arrived() -> bool:
            return len(receiver.seen) == 10 and slow.open > 0

        await eventually(others_arrived)
        assert slow.open == 1, "its own number"


async def test_a_store_with_a_silent_endpoint_leaves_slots_to_another(shop: Shop, receiver: Receiver) -> None:
    """A whole store of silent endpoints holds only its part of the calls in progress."""
    other = Shop(shop.stack, shop._client, shop._pools)
    async with receiving(silent) as slow:
        made = await asyncio.gather(*(endpoint(shop, slow, types=["order.placed.v1"], calls_at_once=50) for _ in range(6)))
        assert len(made) == 6
        await endpoint(other, receiver, types=["order.placed.v1"])
        placing = [shop.platform.post("/orders/v1/orders", json=order_p()) for _ in range(30)]
        assert {one.status for one in await asyncio.gather(*placing)} == {201}

        async def holds_its_part() -> bool:
            return slow.open >= 80

        await eventually(holds_its_part)
        (await other.platform.post("/orders/v1/orders", json=order_p())).ok()

        async def arrived() -> bool:
            return len(receiver.seen) == 1

        await eventually(arrived)
        assert slow.open <= 80, "two fifths of 200"
