"""A dry run answers what the call would, by the same rules, and leaves nothing: no row, no event, no number, no used key."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.services.orders.test_changes import act, placed
from tests.services.orders.test_placing import SETTINGS, nothing_written, stocked
from tests.shop import Answer, Shop, order_p

ORDERS, DRY = "/orders/v1/orders", "/orders/v1/orders?dry_run=true"
PUBLISHED = Path(__file__).parents[3] / "shared/web/published/openapi.json"
TABLES = ("orders", "lines", "payments", "changes", "stock_levels", "stock_movements", "settings", "guest_links", "idempotency")


@asynccontextmanager
async def untouched(shop: Shop) -> AsyncIterator[None]:
    """What happens inside leaves every table of the store as it is."""

    async def rows() -> dict[str, Any]:
        seen = "select * from {table} where store_id = {{store}} order by {table}::text"
        found = {table: await shop.rows("orders", seen.format(table=table)) for table in TABLES}
        return found | {"events": await shop.events("orders")}

    before = await rows()
    yield
    assert await rows() == before


def is_rehearsed(answer: Answer) -> Answer:
    assert (answer.ok().headers["aftersale-dry-run"], "etag" in answer.headers) == ("true", False)
    return answer


def test_every_call_that_changes_something_has_one() -> None:
    calls = [
        (operation["operationId"], {parameter["name"] for parameter in operation.get("parameters", ())})
        for path in json.loads(PUBLISHED.read_text())["paths"].values()
        for method, operation in path.items()
        if method in ("post", "put", "patch", "delete") and operation["operationId"].startswith("orders_")
    ]
    assert len(calls) > 15
    assert [name for name, parameters in calls if "dry_run" not in parameters] == []


async def test_placing_takes_neither_number_nor_stock_nor_key(shop: Shop) -> None:
    await stocked(shop, TEE_1=3)
    async with untouched(shop):
        words = '"lines":[] "number":"order_00000000000000000000000000"'
        tried = is_rehearsed(await shop.platform.post(DRY, json=order_p(customer={"id": "c-1", "name": words}), key="first"))
        assert (tried.status, tried["number"], tried["version"], tried["customer"]["name"]) == (201, "", 1, words)
        assert (tried["total"]["amount"], tried["lines"][0]["stock_tracked"], tried["due"]["amount"]) == (11_000, True, 11_000)
        own = is_rehearsed(await shop.platform.post(DRY, json=order_p(number="OWN-1")))
        assert own["number"] == "OWN-1"
        line = order_p()["lines"][0] | {"quantity": 4}
        short = await shop.platform.post(DRY, json=order_p(lines=[line]), key="first")
        assert (short.status, short.code, short["short"]) == (409, "out_of_stock", [{"sku": "TEE-1", "on_hand": 3, "ordered": 4}])
        contradicting = await shop.platform.post(DRY, json=order_p(total=1))
        assert (contradicting.status, contradicting.code) == (422, "figures_do_not_add_up")
        assert (await shop.customer().post(DRY, json=order_p())).code == "shop_only"
        assert (await shop.platform.call("POST", DRY, json=order_p(), key=None)).code == "idempotency_key_missing"
    await nothing_written(shop)
    first = (await shop.platform.post(ORDERS, json=order_p(external_ref="web-1"), key="first")).ok()
    assert (first["number"], first.replayed, (await shop.staff.get("/orders/v1/stock/TEE-1"))["on_hand"]) == ("1001", False, 1)
    async with untouched(shop):
        for taken, code in (({"number": "1001"}, "number_taken"), ({"external_ref": "web-1"}, "external_ref_taken")):
            line = order_p()["lines"][0] | {"quantity": 1}
            refused = await shop.platform.post(DRY, json=order_p(lines=[line], **taken), key="first")  # a used key is not looked at
            assert (refused.status, refused.code, refused["order_id"]) == (409, code, first["order_id"])
        assert (await shop.platform.get(f"{ORDERS}/{tried['order_id']}")).status == 404


async def test_a_batch_tries_each_order_by_itself(shop: Shop) -> None:
    await stocked(shop, TEE_1=3)
    bodies = [order_p(), order_p(), order_p(total=1), {"currency": "BDT"}, order_p(number="7"), order_p(number="7")]
    async with untouched(shop):
        tried = is_rehearsed(await shop.platform.post(f"{ORDERS}/batch?dry_run=true", json={"orders": bodies}, key="batch"))
        assert (tried["placed"], tried["refused"]) == (4, 2)
        assert [item["status"] for item in tried["items"]] == [201, 201, 422, 422, 201, 201]
        assert [item["order"] and item["order"]["number"] for item in tried["items"]] == ["", "", None, None, "7", "7"]
    done = (await shop.platform.post(f"{ORDERS}/batch", json={"orders": bodies[:1]}, key="batch")).ok()
    assert (done["placed"], done["items"][0]["order"]["number"]) == (1, "1001")


async def test_settings_are_tried_without_starting_the_series(shop: Shop) -> None:
    assert (await shop.platform.post(ORDERS, json=order_p())).ok()["number"] == "1001"
    path = "/orders/v1/orders-settings"
    async with untouched(shop):
        wanted = SETTINGS | {"next_number": 5_000}
        tried = is_rehearsed(await shop.staff.put(f"{path}?dry_run=true", json=wanted, headers={"If-Match": '"v0"'}))
        assert (tried["version"], tried["next_number"]) == (1, 5_000)
        behind = await shop.staff.put(f"{path}?dry_run=true", json=SETTINGS | {"next_number": 1_001}, headers={"If-Match": '"v0"'})
        assert behind.code == "number_behind"
        stale = await shop.staff.put(f"{path}?dry_run=true", json=wanted, headers={"If-Match": '"v4"'})
        assert stale.code == "version_conflict"
        assert (await shop.staff.get(path)).ok()["version"] == 0
    assert (await shop.platform.post(ORDERS, json=order_p())).ok()["number"] == "1002"


async def test_a_guests_link_is_tried_without_a_token(shop: Shop) -> None:
    order_id = await placed(shop)
    links = f"{ORDERS}/{order_id}/guest-links"
    async with untouched(shop):
        tried = is_rehearsed(await shop.staff.post(f"{links}?dry_run=true", json={"days": 2}))
        assert (tried.status, tried["token"], tried["order_id"]) == (201, None, order_id)
        assert (await shop.staff.post(f"{links}?dry_run=true", json={"days": 3_660})).code == "guest_link_too_long"
        assert (await shop.staff.get(links)).ok()["items"] == []
    made = (await shop.staff.post(links, json={"days": 2})).ok()
    async with untouched(shop):
        revoked = await shop.staff.delete(f"{links}/{made['link_id']}?dry_run=true")
        assert (revoked.status, revoked.headers["aftersale-dry-run"]) == (204, "true")
        assert [link["link_id"] for link in (await shop.staff.get(links)).ok()["items"]] == [made["link_id"]]


async def test_an_erasure_says_how_many_orders(shop: Shop) -> None:
    order_id = await placed(shop)
    (await act(shop.staff, order_id, "payments", {"amount": 1, "method": "cod", "reference": "r"})).ok()
    async with untouched(shop):
        tried = is_rehearsed(await shop.platform.delete("/orders/v1/customers/c-1?dry_run=true"))
        assert (tried["customer_id"], tried["orders"]) == ("c-1", 1)
        assert (await shop.customer().delete("/orders/v1/customers/c-1?dry_run=true")).code == "shop_only"
    assert (await shop.staff.get(f"{ORDERS}/{order_id}")).ok()["customer"]["name"] == "Rahima Begum"
