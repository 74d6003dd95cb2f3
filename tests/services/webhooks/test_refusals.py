"""What is refused, by its code, changes nothing."""

from typing import Any

import pytest

from tests.services.webhooks.conftest import endpoint
from tests.services.webhooks.receivers import Receiver
from tests.shop import Shop

ENDPOINTS = "/webhooks/v1/webhooks/endpoints"
GOOD = {"url": "https://hooks.example/in"}


async def endpoints(shop: Shop) -> Any:
    """All of the shop's."""
    return (await shop.staff.get(ENDPOINTS)).ok()["items"]


@pytest.mark.parametrize(
    ("wanted", "code", "pointer"),
    [
        ({"url": "ftp://hooks.example/"}, "bad_url", "/url"),
        ({"url": "https://10.0.0.1/"}, "inward_address", "/url"),
        ({"types": ["order.*", "oder.*"]}, "unknown_event_types", "/types/1"),
        ({"headers": {"Host": "elsewhere"}}, "bad_header", "/headers"),
        ({"secret": "whsec_c2hvcnQ="}, "bad_secret", "/secret"),
        ({"calls_per_second": 0}, "invalid", "/calls_per_second"),
    ],
)
async def test_an_endpoint_that_cannot_be_is_neither_made_nor_edited(shop: Shop, wanted: dict[str, Any], code: str, pointer: str) -> None:
    refused = await shop.platform.post(ENDPOINTS, json=GOOD | wanted)
    assert (refused.status, refused.code, [one["pointer"] for one in refused["errors"]]) == (422, code, [pointer])
    assert await endpoints(shop) == []
    made = (await shop.platform.post(ENDPOINTS, json=GOOD)).ok()
    if "secret" not in wanted:
        path = f"{ENDPOINTS}/{made['endpoint_id']}"
        assert (await shop.platform.patch(path, json=wanted)).code == code
    assert [(one["url"], one["version"]) for one in await endpoints(shop)] == [(GOOD["url"], 1)]


@pytest.mark.parametrize("path", ["/webhooks/v1/events", "/webhooks/v1/events/stream"])
async def test_a_reader_is_told_of_a_type_that_does_not_exist(shop: Shop, path: str) -> None:
    refused = await shop.staff.get(f"{path}?types=order.*&types=nothing.*")
    assert (refused.status, refused.code, refused["errors"][0]["pointer"]) == (422, "unknown_event_types", "?types/1")


async def test_a_replay_of_a_type_that_does_not_exist_is_refused(shop: Shop, receiver: Receiver) -> None:
    made = await endpoint(shop, receiver)
    path = f"{ENDPOINTS}/{made['endpoint_id']}/replay"
    assert (await shop.platform.post(path, json={"types": ["oder.*"]})).code == "unknown_event_types"
    assert (await shop.platform.post(path, json={"types": ["webhooks.test.v1"]})).ok()["deliveries"] == 0
