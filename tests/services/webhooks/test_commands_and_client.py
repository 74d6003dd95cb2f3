"""The command line and the client's feed reader and verification, on the running system."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.client import FileCursor, NotVerified, connect, read_feed, verified
from tests.services.webhooks.conftest import endpoint
from tests.services.webhooks.receivers import Receiver
from tests.services.webhooks.test_delivering import arrived
from tests.shop import Shop, order_p
from tests.stack import PROJECT


async def aftersale(shop: Shop, *words: str) -> Any:
    """What a command says as JSON, for this store."""
    environment = {**os.environ, **shop.stack.settings, "AFTERSALE_PUBLIC_URL": shop.stack.address, "AFTERSALE_TOKEN": shop.platform.token}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy",
        *words,
        "--json",
        "--store",
        shop.store,
        cwd=PROJECT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return json.loads(said)


async def test_an_endpoint_from_its_creation_to_a_replay(shop: Shop, receiver: Receiver) -> None:
    made = await aftersale(shop, "endpoints", "create", receiver.url(), "--type", "order.*")
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    [seen] = await arrived(receiver, 1)
    assert verified(seen.body, seen.headers, made["secret"])["subject"] == placed["order_id"]
    [event] = await aftersale(shop, "events", "list", "--type", "order.*")
    shown = await aftersale(shop, "events", "show", event["event"]["id"])
    [delivery] = await aftersale(shop, "deliveries", "list", made["endpoint_id"])
    assert [one["delivery_id"] for one in shown["deliveries"]] == [delivery["delivery_id"]]
    assert (await aftersale(shop, "events", "replay", made["endpoint_id"], "--type", "order.*"))["deliveries"] == 1
    again = (await arrived(receiver, 2))[1]
    assert again.headers["webhook-id"] == event["event"]["id"]
    assert (await aftersale(shop, "endpoints", "pause", made["endpoint_id"]))["state"] == "paused"
    [listed] = await aftersale(shop, "endpoints", "list")
    assert (listed["endpoint_id"], listed["state"]) == (made["endpoint_id"], "paused")
    assert await aftersale(shop, "endpoints", "delete", made["endpoint_id"]) == {"endpoint_id": made["endpoint_id"], "deleted": True}
    assert await aftersale(shop, "endpoints", "list") == []


async def test_a_message_that_was_changed_is_not_verified(shop: Shop, receiver: Receiver) -> None:
    made = await endpoint(shop, receiver)
    await shop.staff.post(f"/webhooks/v1/webhooks/endpoints/{made['endpoint_id']}/test")
    [seen] = await arrived(receiver, 1)
    assert verified(seen.body, seen.headers, "whsec_" + "A" * 32, made["secret"])["type"] == "webhooks.test.v1"
    with pytest.raises(NotVerified):
        verified(seen.body.replace(b"test", b"Test"), seen.headers, made["secret"])
    with pytest.raises(NotVerified):
        verified(seen.body, {}, made["secret"])


async def test_a_reader_that_is_interrupted_goes_on_and_misses_nothing(shop: Shop, tmp_path: Path) -> None:
    """It stops in the midst of every second event, which then comes again."""
    orders = [(await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"] for _ in range(6)]
    cursor, handled, interrupted = FileCursor(tmp_path / "cursor"), list[str](), 0
    while len(set(handled)) < len(orders):
        async with connect(shop.stack.address, shop.platform.token) as client:
            count = 0
            async for event in read_feed(client, cursor, types=["order.placed.v1"]):
                handled.append(event.event["subject"])
                count += 1
                if count == 2 or len(set(handled)) == len(orders):
                    interrupted += 1
                    break
    assert set(handled) == set(orders)
    assert len(handled) == len(orders) + interrupted - 1, "only what was interrupted came again"
