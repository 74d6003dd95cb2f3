"""Links for guests: shown once, kept nowhere, listed, taken back one by one, and ended by an erasure, in every service."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy.operator.registry import SERVICES
from tests.services.orders.test_changes import act, placed
from tests.services.orders.test_live import following
from tests.shop import Caller, Shop, eventually


def guest(shop: Shop, order_id: str, token: str) -> Caller:
    """Whoever opens the link."""
    made = shop.caller("guest", order_id)
    made.token = token
    return made


async def codes(one: Caller, order_id: str) -> list[str | int | None]:
    """What each service says to the guest: the status, or the code of a refusal."""
    paths = (
        f"/orders/v1/orders/{order_id}", "/refunds/v1/refunds", f"/notes/v1/notes?order_id={order_id}",
        f"/documents/v1/documents/orders/{order_id}",
    )  # fmt: skip
    answers = [await one.get(path) for path in paths]
    return [answer.code if answer.status == 401 else answer.status for answer in answers]


async def everything(shop: Shop, services: Sequence[str] = SERVICES) -> str:
    """Every row of every table that the store has, as text."""
    found = []
    for service in services:
        columns = "select distinct table_name from information_schema.columns where table_schema = $2 and column_name = 'store_id'"
        for table in await shop.rows(service, f"{columns} and {{store}}::text is not null", service):
            found += await shop.rows(service, f"select to_jsonb(t)::text as text from {table['table_name']} t where store_id = {{store}}")
    return "\n".join(row["text"] for row in found)


async def links(shop: Shop, order_id: str) -> list[Any]:
    listed: list[Any] = (await shop.staff.get(f"/orders/v1/orders/{order_id}/guest-links")).ok()["items"]
    return listed


async def aged(shop: Shop, minutes: int) -> None:
    """As if what was answered had been answered so long ago."""
    sql = f"update idempotency set recorded_at = recorded_at - interval '{minutes} minutes' where store_id = {{store}} returning key"
    assert await shop.rows("orders", sql)


async def test_the_token_is_stored_nowhere_and_a_repeat_makes_it_again_for_ten_minutes(shop: Shop) -> None:
    order_id = await placed(shop)
    path = f"/orders/v1/orders/{order_id}/guest-links"
    first = await shop.customer().post(path, json={"days": 7}, key="k-1")
    link = first.ok().body
    token = link["token"]
    assert (first.status, link["order_id"], link["audience"], link["by"]["role"]) == (201, order_id, "guest", "customer")
    assert datetime.fromisoformat(link["expires_at"]) - datetime.fromisoformat(link["created_at"]) == timedelta(days=7)
    kept = await everything(shop)
    assert link["link_id"].removeprefix("link_") in kept or order_id in kept  # the control: this does look at what is kept
    for part in (token, token.split(".")[1], token.split(".")[2]):
        assert part not in kept

    again = await shop.customer().post(path, json={"days": 7}, key="k-1")
    assert (again.status, again.headers["idempotent-replayed"], again.content) == (201, "true", first.content)
    await aged(shop, 9)
    assert (await shop.customer().post(path, json={"days": 7}, key="k-1")).content == first.content
    await aged(shop, 2)
    late = await shop.customer().post(path, json={"days": 7}, key="k-1")
    assert (late.status, late.headers["idempotent-replayed"], late.body) == (201, "true", link | {"token": None})
    assert (await codes(guest(shop, order_id, token), order_id))[0] == 200  # it still opens the order
    assert len(await links(shop, order_id)) == 1


async def test_a_repeat_after_the_link_was_taken_back_shows_no_token(shop: Shop) -> None:
    order_id = await placed(shop)
    path = f"/orders/v1/orders/{order_id}/guest-links"
    link = (await shop.staff.post(path, json={}, key="k-1")).ok().body
    assert (await shop.staff.delete(f"{path}/{link['link_id']}")).status == 204
    assert (await shop.staff.post(path, json={}, key="k-1")).body == link | {"token": None}


async def test_a_link_is_taken_back_in_every_service_and_the_others_stay(shop: Shop) -> None:
    order_id, other = await placed(shop), await placed(shop)
    path = f"/orders/v1/orders/{order_id}/guest-links"
    one, two = [(await shop.staff.post(path, json={})).ok() for _ in range(2)]
    by_one, by_two = guest(shop, order_id, one["token"]), guest(shop, order_id, two["token"])
    assert await eventually(lambda: _all_say(by_one, order_id, [200] * 4))
    assert [item["link_id"] for item in await links(shop, order_id)] == [two["link_id"], one["link_id"]]
    assert all(item["token"] is None for item in await links(shop, order_id))

    assert (await shop.customer("c-2").delete(f"{path}/{one['link_id']}")).status == 404
    assert (await shop.reader.delete(f"{path}/{one['link_id']}")).code == "read_only"
    assert (await by_two.delete(f"{path}/{one['link_id']}")).code == "read_only"
    assert (await by_two.get(path)).code == "read_only"
    assert (await shop.staff.delete(f"/orders/v1/orders/{other}/guest-links/{one['link_id']}")).status == 404
    assert (await shop.staff.delete(f"{path}/link_01jd00000000000000000000a0")).status == 404
    assert await codes(by_one, order_id) == [200] * 4
    assert await shop.events("orders", f"guest_link:{one['link_id']}") == []

    assert (await shop.customer().delete(f"{path}/{one['link_id']}")).status == 204
    assert (await codes(by_one, order_id))[0] == "link_revoked"  # at once where it was taken back
    assert await eventually(lambda: _all_say(by_one, order_id, ["link_revoked"] * 4))
    assert await codes(by_two, order_id) == [200] * 4
    assert [item["link_id"] for item in await links(shop, order_id)] == [two["link_id"]]
    assert (await shop.staff.delete(f"{path}/{one['link_id']}")).status == 204  # again is harmless
    [told] = await shop.events("orders", f"guest_link:{one['link_id']}")
    assert (told["type"], told["public"], told["data"]["order_id"]) == ("guest_link.revoked.v1", False, order_id)


async def test_an_erasure_ends_every_link_also_one_made_elsewhere(shop: Shop) -> None:
    order_id, other = await placed(shop, customer={"id": "c-9", "name": "Gone"}), await placed(shop)
    made = (await shop.platform.post(f"/orders/v1/orders/{order_id}/guest-links", json={}, key="k-1")).ok()
    others = (await shop.platform.post(f"/orders/v1/orders/{other}/guest-links", json={})).ok()
    guests = [guest(shop, order_id, made["token"]), shop.caller("guest", order_id)]  # the second was signed without any row
    for one in guests:
        assert await eventually(lambda one=one: _all_say(one, order_id, [200] * 4))  # type: ignore[misc]  # mypy: lambda defaults
    (await shop.platform.delete("/orders/v1/customers/c-9")).ok()
    for one in guests:
        assert (await codes(one, order_id))[0] == "link_revoked"
        assert await eventually(lambda one=one: _all_say(one, order_id, ["link_revoked"] * 4))  # type: ignore[misc]  # mypy: lambda defaults
    assert await codes(guest(shop, other, others["token"]), other) == [200] * 4
    assert await links(shop, order_id) == []
    assert (await act(shop.platform, order_id, "guest-links")).code == "customer_was_erased"
    again = (await shop.platform.post(f"/orders/v1/orders/{order_id}/guest-links", json={}, key="k-1")).body
    assert again == {"erased": True}
    (await shop.platform.delete("/orders/v1/customers/c-9")).ok()  # again is harmless


async def _all_say(one: Caller, order_id: str, expected: list[Any]) -> bool:
    said = await codes(one, order_id)
    assert said == expected
    return True


async def test_an_open_stream_ends_with_the_link(shop: Shop) -> None:
    order_id = await placed(shop)
    link = (await act(shop.staff, order_id, "guest-links")).ok()
    reader = guest(shop, order_id, link["token"])
    async with following(reader, shop.stack.urls["orders"], f"/v1/orders/{order_id}/stream") as stream:
        assert (await stream.next())["id"] == "1"
        (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
        assert (await stream.next())["id"] == "2"  # the control: what happens is told while the link is valid
        await shop.staff.delete(f"/orders/v1/orders/{order_id}/guest-links/{link['link_id']}")
        (await act(shop.staff, order_id, "transitions", {"to": "picked_up"})).ok()
        with pytest.raises(AssertionError, match="the stream ended"):
            await stream.next()


async def test_an_order_has_so_many_links_at_once(shop: Shop) -> None:
    order_id = await placed(shop)
    made = [(await act(shop.staff, order_id, "guest-links")).ok() for _ in range(20)]
    refused = await act(shop.staff, order_id, "guest-links")
    assert (refused.status, refused.code) == (409, "too_many_guest_links")
    assert len(await links(shop, order_id)) == 20
    await shop.staff.delete(f"/orders/v1/orders/{order_id}/guest-links/{made[3]['link_id']}")
    assert (await act(shop.staff, order_id, "guest-links")).status == 201
    too_long = await act(shop.staff, order_id, "guest-links", {"days": 91})
    assert (too_long.status, too_long.code, json.loads(too_long.content)["max_days"]) == (409, "guest_link_too_long", 90)
    assert [(await act(shop.staff, order_id, "guest-links", {"days": days})).status for days in (0, 3_661, True)] == [422] * 3


@pytest.mark.parametrize("sub", ["not-an-order", "order_x", "c-1"])
async def test_a_guest_of_no_order_is_nobody(shop: Shop, sub: str) -> None:
    """It was a 500 in refunds and notes."""
    order_id = await placed(shop)
    assert await codes(shop.caller("guest", sub), order_id) == ["bad_claim"] * 4
