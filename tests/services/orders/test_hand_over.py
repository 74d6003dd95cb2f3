"""Handing an order to another customer: who may, what it writes, and what it never gives away (decision 0115)."""

import asyncio

import asyncpg
import pytest

from tests.services.orders.test_amendments import everything
from tests.services.orders.test_changes import act, placed
from tests.services.orders.test_live import following
from tests.shop import Answer, Shop

TO = {"customer_id": "c-9", "reason": "made an account"}


async def test_it_is_a_version_that_changes_nothing_else(shop: Shop) -> None:
    order_id = await placed(shop)
    path = f"/orders/v1/orders/{order_id}"
    before = (await shop.staff.get(path)).ok().body
    rehearsed = (await shop.platform.post(f"{path}/customer?dry_run=true", json=TO)).ok()
    assert (rehearsed["customer"]["id"], (await shop.staff.get(path)).ok().body) == ("c-9", before)

    stale = await shop.platform.post(f"{path}/customer", json=TO, headers={"If-Match": '"v2"'})
    assert (stale.status, stale.code) == (412, "version_conflict")
    handed = (await shop.platform.post(f"{path}/customer", json=TO, headers={"If-Match": '"v1"'})).ok()
    assert {name: value for name, value in handed.body.items() if value != before[name]} == {
        "version": 2, "customer": before["customer"] | {"id": "c-9"}, "updated_at": handed["updated_at"],
    }  # fmt: skip
    [_, event] = await shop.events("orders", order_id)
    assert (event["type"], event["data"]["fields"], event["data"]["reason"]) == ("order.edited.v1", ["customer_id"], "made an account")
    [_, shown] = (await shop.staff.get(path)).ok()["timeline"]
    assert (shown["details"]["before"], shown["details"]["after"]) == ({"customer_id": "c-1"}, {"customer_id": "c-9"})

    theirs = (await shop.customer("c-9").get(path)).ok()
    assert theirs["timeline"][1]["details"] == {"fields": [], "before": {}, "after": {}}
    assert (theirs["timeline"][1]["reason"], b'"c-1"' in theirs.content) == ("", False)
    assert [one["order_id"] for one in (await shop.customer("c-9").get("/orders/v1/orders")).ok()["items"]] == [order_id]
    assert [one["order_id"] for one in (await shop.staff.get("/orders/v1/orders?customer_id=c-9")).ok()["items"]] == [order_id]
    for former in (path, f"{path}/actions", f"{path}/stream", f"{path}/guest-links"):
        assert (await shop.customer().get(former)).status == 404
    assert (await shop.customer().get("/orders/v1/orders")).ok()["items"] == []
    assert (await act(shop.customer("c-9"), order_id, "cancel", {"reason": "changed my mind"})).ok()["status"] == "cancelled"


@pytest.mark.parametrize("who", ["staff", "customer", "reader", "on behalf", "another customer"])
async def test_who_may_not(shop: Shop, who: str) -> None:
    order_id = await placed(shop)
    callers = {"staff": shop.staff, "customer": shop.customer(), "reader": shop.caller("platform", "p", read_only=True)}
    callers |= {"on behalf": shop.platform, "another customer": shop.customer("c-2")}
    code = {"reader": "read_only", "another customer": "not_found"}.get(who, "platform_only")
    before = await everything(shop)
    headers = {"On-Behalf-Of": "c-1"} if who == "on behalf" else {}
    refused = await callers[who].post(f"/orders/v1/orders/{order_id}/customer", json=TO, headers=headers)
    assert refused.code == code
    assert await everything(shop) == before
    if who != "another customer":
        offered = (await callers[who].get(f"/orders/v1/orders/{order_id}/actions", headers=headers)).ok()["actions"]
        assert (offered["hand_over"]["allowed"], offered["hand_over"]["code"]) == (False, code)


async def test_to_whom_it_is_already_or_from_whom_was_erased(shop: Shop) -> None:
    order_id = await placed(shop)
    before = await everything(shop)
    assert (await act(shop.platform, order_id, "customer", TO | {"customer_id": "c-1"})).code == "nothing_changed"
    assert (await act(shop.platform, order_id, "customer", {"customer_id": "c-9"})).status == 422
    assert await everything(shop) == before
    (await shop.staff.delete("/orders/v1/customers/c-1")).ok()
    before = await everything(shop)
    refused = await act(shop.platform, order_id, "customer", TO)
    assert (refused.status, refused.code) == (409, "customer_was_erased")
    assert await everything(shop) == before


async def test_the_platform_may_in_any_status(shop: Shop) -> None:
    for status in ("pending", "delivered", "cancelled"):
        order_id = await placed(shop, at="delivered" if status == "delivered" else "pending")
        if status == "cancelled":
            (await act(shop.platform, order_id, "cancel", {"reason": "sold out"})).ok()
        assert (await shop.platform.get(f"/orders/v1/orders/{order_id}/actions")).ok()["actions"]["hand_over"]["allowed"]
        assert (await act(shop.platform, order_id, "customer", TO)).ok()["status"] == status


async def test_what_was_answered_to_the_former_customer_is_not_replayed(shop: Shop) -> None:
    """Directly or through the platform; what was answered to the shop and to others is."""
    order_id, other = await placed(shop), await placed(shop)

    async def make(caller: str, order: str) -> Answer:
        callers = {"customer": (shop.customer(), {}), "behalf": (shop.platform, {"On-Behalf-Of": "c-1"}), "staff": (shop.staff, {})}
        who, headers = callers[caller]
        return await who.post(f"/orders/v1/orders/{order}/guest-links", json={"days": 3}, key=f"key-{order}", headers=headers)

    for caller in ("customer", "behalf", "staff"):
        for order in (order_id, other):
            (await make(caller, order)).ok()
    (await act(shop.platform, order_id, "customer", TO)).ok()
    for caller in ("customer", "behalf", "staff"):
        answer, of_other = await make(caller, order_id), await make(caller, other)
        assert (answer.replayed, "link_id" in answer.body, "link_id" in of_other.body) == (True, caller == "staff", True)


async def test_a_stream_ends_for_the_former_customer(shop: Shop) -> None:
    order_id = await placed(shop)
    path, url = f"/v1/orders/{order_id}/stream", shop.stack.urls["orders"]
    async with following(shop.customer(), url, path) as stream, following(shop.staff, url, path) as other:
        assert (await stream.next())["id"] == (await other.next())["id"] == "1"
        (await act(shop.platform, order_id, "customer", TO)).ok()
        assert (await other.next())["id"] == "2"
        assert await stream.ended()


async def test_handed_over_while_its_customer_is_erased(shop: Shop) -> None:
    """Either the order was erased, and is still the former customer's, or it is the other one's, and whole."""
    for _ in range(5):
        order_id = await placed(shop)
        handed, erased = await asyncio.gather(act(shop.platform, order_id, "customer", TO), shop.staff.delete("/orders/v1/customers/c-1"))
        shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["customer"]
        assert erased.status == 200
        if handed.status == 200:
            assert (shown["id"], shown["name"]) == ("c-9", "Rahima Begum")
        else:
            assert (handed.code, shown["id"], shown["name"]) == ("customer_was_erased", "c-1", "")


async def test_the_database_lets_nothing_else_change_with_it(shop: Shop) -> None:
    order_id = await placed(shop)
    with pytest.raises(asyncpg.CheckViolationError):
        await shop.rows("orders", "update orders set customer_id = 'c-2', email = '', version = version + 1 where store_id = {store}")
    assert (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["customer"]["id"] == "c-1"
