"""The live stream of an order over HTTP: resumed, from any replica, ended at shutdown; and who may follow what."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.services.orders.test_changes import act, placed
from tests.shop import PATIENCE_SECONDS, Caller, Shop

SECONDS = PATIENCE_SECONDS


class Stream:
    """The events of one open stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event: id, event, data (parsed). Heartbeats are passed over."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._frame()
        except TimeoutError:
            raise AssertionError(f"nothing came within {SECONDS} s") from None

    async def _frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = {}
        async for line in self._lines:
            if not line and "data" in frame:
                return frame | {"data": json.loads(frame["data"])}
            name, _, value = line.partition(": ")
            if not line:
                frame = {}  # the first says where the stream stands, and nothing else
            elif name:
                frame[name] = value
        raise AssertionError("the stream ended")

    async def ended(self) -> bool:
        async with asyncio.timeout(SECONDS):
            async for _ in self._lines:
                pass
        return True


@asynccontextmanager
async def following(caller: Caller, url: str, path: str, last: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Authorization": f"Bearer {caller.token}"} | ({"Last-Event-ID": last} if last else {})
    async with httpx2.AsyncClient(timeout=SECONDS) as client, client.stream("GET", f"{url}{path}", headers=headers) as response:
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        yield Stream(response)


async def test_a_customer_follows_their_order(shop: Shop) -> None:
    order_id = await placed(shop)
    path = f"/v1/orders/{order_id}/stream"
    async with following(shop.customer(), shop.stack.urls["orders"], path) as stream:
        first = await stream.next()
        assert (first["id"], first["event"], first["data"]["status"]) == ("1", "order.placed.v1", "pending")
        (await act(shop.staff, order_id, "transitions", {"to": "shipped", "message": "on its way"})).ok()
        shipped = await stream.next()
        assert (shipped["id"], shipped["data"]["status"], shipped["data"]["message"]) == ("2", "shipped", "on its way")
        assert shipped["data"]["by"] == {"role": "staff", "id": None, "via": None}
    (await act(shop.staff, order_id, "transitions", {"to": "delivered"})).ok()
    async with following(shop.customer(), shop.stack.urls["orders"], path, last="1") as stream:
        assert [(await stream.next())["id"] for _ in range(2)] == ["2", "3"]  # nothing between was lost


async def test_only_the_shop_is_told_that_a_difference_was_closed(shop: Shop) -> None:
    order_id = await placed(shop)
    path = f"/v1/orders/{order_id}/stream"
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    (await act(shop.platform, order_id, "closings", {"kind": "written_off", "amount": 1, "reason": "rounding", "note": "by phone"})).ok()
    (await act(shop.staff, order_id, "transitions", {"to": "delivered"})).ok()
    for caller, ids in ((shop.staff, ["1", "2", "3", "4"]), (shop.customer(), ["1", "2", "4"])):
        async with following(caller, shop.stack.urls["orders"], path, last="0") as stream:
            assert [(await stream.next())["id"] for _ in ids] == ids


async def test_who_may_follow_what(shop: Shop) -> None:
    order_id = await placed(shop)
    assert (await shop.customer("c-2").get(f"/orders/v1/orders/{order_id}/stream")).status == 404
    assert (await shop.staff.get(f"/orders/v1/orders/{order_id}/stream", headers={"Last-Event-ID": "x"})).status == 422


async def test_any_replica_tells_and_a_stop_ends_its_streams(shop: Shop) -> None:
    replica = await asyncio.to_thread(lambda: shop.stack.run("orders", roles=("api",)).wait_until_ready())
    try:
        order_id = await placed(shop)
        async with following(shop.customer(), replica.urls["orders"], f"/v1/orders/{order_id}/stream") as stream:
            assert (await stream.next())["id"] == "1"
            (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()  # through the other process
            assert (await stream.next())["id"] == "2"
            stopping = asyncio.create_task(asyncio.to_thread(replica.stop))
            assert await stream.ended()
            await stopping
    finally:
        await asyncio.to_thread(replica.stop)


async def test_a_guest_link_reads_one_order_and_nothing_else(shop: Shop) -> None:
    order_id, other = await placed(shop), await placed(shop)
    link = (await act(shop.customer(), order_id, "guest-links", {"days": 7})).ok()
    guest = shop.caller("guest", order_id)
    guest.token = link["token"]
    assert (await guest.get(f"/orders/v1/orders/{order_id}")).ok()["status"] == "pending"
    assert [item["order_id"] for item in (await guest.get("/orders/v1/orders")).ok()["items"]] == [order_id]
    assert (await guest.get(f"/orders/v1/orders/{other}")).status == 404
    assert (await act(guest, order_id, "cancel", {"reason": "x"})).code == "read_only"
    assert (await act(guest, order_id, "guest-links")).code == "read_only"
    assert (await act(shop.customer("c-2"), order_id, "guest-links")).status == 404
    assert (await act(shop.staff, order_id, "guest-links", {"days": 91})).code == "guest_link_too_long"
    async with following(guest, shop.stack.urls["orders"], f"/v1/orders/{order_id}/stream") as stream:
        assert (await stream.next())["id"] == "1"
