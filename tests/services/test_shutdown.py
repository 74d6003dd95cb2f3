"""A rollout costs nothing: SIGTERM ends live streams, finishes what runs and leaves cleanly (P16)."""

import asyncio
import time
import uuid

import httpx2

from tests.shop import Shop, eventually, order_p
from tests.stack import STOP_SECONDS, Stack

CLEAN_EXIT_SECONDS = 60.0


async def test_sigterm_ends_open_streams_and_leaves_within_its_time(stack: Stack, shop: Shop, client: httpx2.AsyncClient) -> None:
    """With uvicorn's defaults an open event stream kept the process alive for ever."""
    assert STOP_SECONDS > CLEAN_EXIT_SECONDS
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]

    async def known() -> bool:
        return (await shop.staff.get(f"/notes/v1/timeline/{order_id}")).status == 200

    await eventually(known)
    process = await asyncio.to_thread(lambda: stack.run("notes").wait_until_ready())
    headers = {"Authorization": f"Bearer {shop.staff.token}"}
    async with client.stream("GET", f"{process.urls['notes']}/v1/timeline/{order_id}/stream", headers=headers) as opened:
        assert opened.status_code == 200
        chunks = opened.aiter_bytes()
        assert await anext(chunks)  # it is live
        began = time.monotonic()
        code = await asyncio.to_thread(process.stop)
        rest = b"".join([chunk async for chunk in chunks])  # ended, not broken: httpx2 would raise
        assert time.monotonic() - began < CLEAN_EXIT_SECONDS
    assert code == 0
    assert rest is not None


async def test_a_call_that_is_running_is_answered_before_the_process_leaves(stack: Stack, shop: Shop, client: httpx2.AsyncClient) -> None:
    process = await asyncio.to_thread(lambda: stack.run("orders", roles=("api",)).wait_until_ready())
    headers = {"Authorization": f"Bearer {shop.platform.token}"}
    url = f"{process.urls['orders']}/v1/orders/batch"
    orders = [order_p(external_ref=f"ref-{number}") for number in range(200)]
    body = {"orders": orders}
    calling = asyncio.create_task(client.post(url, json=body, headers=headers | {"Idempotency-Key": uuid.uuid4().hex}))

    async def begun() -> bool:
        return bool(await shop.rows("orders", "select 1 from orders where store_id = {store} limit 1"))

    await eventually(begun)
    code = await asyncio.to_thread(process.stop)
    answer = await calling
    assert (code, answer.status_code) == (0, 200)
    assert len(answer.json()["items"]) == 200
    assert len(await shop.rows("orders", "select 1 from orders where store_id = {store}")) == 200
