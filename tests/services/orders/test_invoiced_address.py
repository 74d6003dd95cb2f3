"""Every event from the confirmation on carries the shipping address that the invoice prints: as the order was confirmed."""

from typing import Any

import pytest

from services.orders.audit import orders as audit
from tests.e2e.test_imported_orders import DELIVERED, of_2024
from tests.services.kernel.test_schema_history import RELEASED, database, revisions, upgrade
from tests.services.orders.test_changes import act, placed
from tests.shop import Shop, order_p
from tests.stack import Stack

NEW = {"country_code": "BD", "street_address": "Lake Road 9", "city": "Sylhet", "postal_code": "3100"}


async def addresses(shop: Shop, order_id: str) -> list[tuple[str | None, str | None]]:
    """The streets of the present shipping address and of the invoiced one, in each event of an order."""

    def street(personal: dict[str, Any], name: str) -> str | None:
        return (personal.get(name) or {}).get("street_address")

    told = [event["data"]["personal"] for event in await shop.events("orders", order_id)]
    return [(street(one, "shipping_address"), street(one, "invoiced_address")) for one in told]


@pytest.mark.parametrize("step", ["confirmed", "picked_up"])
async def test_it_stays_as_at_confirmation(shop: Shop, step: str) -> None:
    order_id = await placed(shop)
    path = f"/orders/v1/orders/{order_id}"
    [(first, _)] = await addresses(shop, order_id)
    (await shop.staff.patch(path, json={"reason": "moved", "shipping_address": {"street_address": "House 9"}})).ok()
    (await act(shop.staff, order_id, "transitions", {"to": step})).ok()
    if step == "confirmed":
        (await shop.staff.patch(path, json={"reason": "moved again", "shipping_address": NEW})).ok()
    (await act(shop.staff, order_id, "transitions", {"to": "delivered"})).ok()
    then = [("Lake Road 9", "House 9")] * 2 if step == "confirmed" else [("House 9", "House 9")]
    assert await addresses(shop, order_id) == [(first, None), ("House 9", None), ("House 9", "House 9"), *then]


async def test_an_imported_order_was_confirmed_with_its_own(shop: Shop) -> None:
    confirmed = (await shop.platform.post("/orders/v1/orders", json=of_2024(DELIVERED))).ok()
    [(shipping, invoiced)] = await addresses(shop, confirmed["order_id"])
    assert invoiced == shipping is not None
    digital = {name: value for name, value in order_p(fulfilment="digital").items() if name != "shipping_address"}
    order_id = (await shop.platform.post("/orders/v1/orders", json=digital)).ok()["order_id"]
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    assert await addresses(shop, order_id) == [(None, None)] * 2


async def test_an_erasure_takes_it(shop: Shop) -> None:
    order_id = await placed(shop)
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    assert await addresses(shop, order_id) == [(None, None)] * 3
    assert await shop.rows("orders", "select invoiced_address from orders where store_id = {store}") == [{"invoiced_address": None}]


async def test_orders_of_before_have_that_of_the_event_that_confirmed_them(stack: Stack) -> None:
    """An upgrade of released rows."""
    [check] = [one for one in audit.CHECKS if one.kind == "order_is_not_its_history"]
    async with database(stack, "orders") as (url, old):
        await upgrade("orders", url, revisions("orders")[0])
        async with old.transaction():
            await old.execute("set local session_replication_role = replica")
            await old.execute((RELEASED / "orders.sql").read_text())
        await upgrade("orders", url, revisions("orders")[revisions("orders").index("0020") - 1])
        async with old.transaction():
            await old.execute("set local session_replication_role = replica")
            await old.execute("""update orders.orders set shipping_address = jsonb_set(shipping_address, '{city}', '"Elsewhere"')
                where jsonb_typeof(shipping_address) = 'object'""")
        await upgrade("orders", url, "0020")
        found = [row["detail"] for row in await old.fetch(check.sql)]
        assert not [one for one in found if "invoiced_address" in one]
        confirmed = "select count(*) from orders.orders where confirmed_version is not null and invoiced_address->>'city' <> 'Elsewhere'"
        assert await old.fetchval(confirmed) > 0
