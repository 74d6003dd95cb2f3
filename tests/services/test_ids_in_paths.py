"""Ids of other systems in paths: any printable id of a customer or an article, at each service's own port and at the one address."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx2
import pytest

from kit.client.call import segment
from tests.shop import Caller, Shop, order_p

IDS = [
    "gid://shopify/Customer/1", "a/b", "/", "//a//", "a/", "1/adjustments", "movements", "7/movements/adjustments", "#1001", "100 %",
    "100%25", "a%2Fb",
    "a?b=c&d=e", "a b", "a+b", "a;b=c,d", "Größe/XL", "নীল জামা", "😀", '"q"', "<b>", "back\\slash", "a:b@c", "..", ".", "../orders",
    "null", "{sku}",
]  # fmt: skip


@pytest.fixture(params=["own", "one address"])
async def staff(request: pytest.FixtureRequest, shop: Shop) -> AsyncIterator[Caller]:
    async with httpx2.AsyncClient() as client:
        urls = {"orders": shop.stack.urls["orders"] if request.param == "own" else shop.stack.address}
        yield Caller(client, urls, shop.staff.token)


@pytest.mark.parametrize("name", IDS)
async def test_a_sku_may_be_any_printable_text(staff: Caller, name: str) -> None:
    path = f"/orders/v1/stock/{segment(name)}"
    assert (await staff.put(path, json={"on_hand": 5})).ok()["sku"] == name
    assert (await staff.post(f"{path}/adjustments", json={"quantity": 2, "reason": "found"})).ok()["on_hand"] == 7
    assert (await staff.get(path)).ok()["on_hand"] == 7
    moves = (await staff.get(f"{path}/movements?limit=1")).ok()
    assert [(move["quantity"], move["on_hand"]) for move in moves["items"]] == [(2, 7)]
    assert f"/v1/stock/{segment(name)}/movements?" in moves.headers["Link"]
    assert [level["sku"] for level in (await staff.get("/orders/v1/stock")).ok()["items"]] == [name]


@pytest.mark.parametrize("name", IDS)
async def test_a_customer_of_any_id_is_found_and_erased(shop: Shop, staff: Caller, name: str) -> None:
    order = order_p(customer={"id": name, "name": "Rahima Begum"}, external_ref=name, number=name, lines=[
        {"sku": name, "name": "Thing", "quantity": 1, "unit_price": 10000},
    ])  # fmt: skip
    order_id = (await staff.post("/orders/v1/orders", json=order)).ok()["order_id"]
    for query in (f"customer_id={quote(name, safe='')}", f"q={quote(name, safe='')}"):
        assert [one["order_id"] for one in (await staff.get(f"/orders/v1/orders?{query}")).ok()["items"]] == [order_id]
    assert (await shop.customer(name).get(f"/orders/v1/orders/{order_id}")).ok()["number"] == name
    behalf = {b"On-Behalf-Of": name.encode()}
    assert (await shop.platform.get(f"/orders/v1/orders/{order_id}", headers=behalf)).ok()["customer"]["id"] == name
    erased = (await staff.delete(f"/orders/v1/customers/{segment(name)}")).ok()
    assert (erased["customer_id"], erased["orders"]) == (name, 1)
    assert (await staff.get(f"/orders/v1/orders/{order_id}")).ok()["customer"]["name"] == ""


async def test_an_id_is_read_without_the_spaces_around_it_everywhere(staff: Caller) -> None:
    (await staff.put("/orders/v1/stock/%20A%20", json={"on_hand": 5})).ok()
    assert (await staff.get("/orders/v1/stock/A%20")).ok()["sku"] == "A"
    assert (await staff.post("/orders/v1/stock/%20A/adjustments", json={"quantity": 2, "reason": "found"})).ok()["on_hand"] == 7
    assert (await staff.get("/orders/v1/stock/A%20/movements")).ok()["items"][0]["quantity"] == 2
    assert (await staff.get("/orders/v1/stock/%20")).status == 422
