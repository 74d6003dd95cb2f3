"""Changes over HTTP: cancelling, payments, failed deliveries, corrections, versions; and that a refusal changes and tells nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.orders.rules.cancel import CANCEL_PRESETS
from tests.services.orders.test_placing import SETTINGS, stocked
from tests.shop import Answer, Caller, Shop, order_p

STEPS = ("confirmed", "picked_up", "shipped", "delivered")


async def placed(shop: Shop, *, at: str = "pending", **changes: Any) -> str:
    """A new order of customer c-1, moved to `at`; its id."""
    order_id: str = (await shop.platform.post("/orders/v1/orders", json=order_p(**changes))).ok()["order_id"]
    if at != "pending":
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": at})).ok()
    return order_id


async def act(caller: Caller, order_id: str, what: str, body: dict[str, Any] | None = None, **more: Any) -> Answer:
    return await caller.post(f"/orders/v1/orders/{order_id}/{what}", json=body or {}, **more)


@asynccontextmanager
async def unchanged(shop: Shop, order_id: str) -> AsyncIterator[None]:
    """What happens inside leaves the order as it is, and tells nobody."""

    async def seen() -> tuple[bytes, list[dict[str, Any]]]:
        told = await shop.events("orders")
        order = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok().content
        # the refund of an order that was cancelled before comes back by itself, whenever it comes
        return order, [event for event in told if event["subject"] == order_id or event["type"] != "order.refunded.v1"]

    before = await seen()
    yield
    assert await seen() == before


CANCEL = {"reason": "changed my mind", "message": "sorry"}


@pytest.mark.parametrize("preset", CANCEL_PRESETS)
async def test_who_may_cancel_over_http(shop: Shop, preset: str) -> None:
    """The table of the product page, each cell by its callers; refused ones change nothing."""
    (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS | {"cancel_preset": preset}, headers={"If-Match": '"v0"'})).ok()
    control = preset == "cancellation-control"
    prepaid = [{"amount": 11000, "method": "card", "reference": "ch_1"}]
    callers = {"customer": shop.customer(), "staff": shop.staff, "platform": shop.platform}
    for who, caller in callers.items():
        for paid in (False, True):
            for at in ("pending", "shipped", "delivered"):
                order_id = await placed(shop, at=at, payments=prepaid if paid else [])
                code = "delivered" if at == "delivered" else None
                if code is None and not paid and who == "staff" and control:
                    code = "unpaid_is_the_customers"
                if code is None and not paid and who == "customer" and not control:
                    code = "unpaid_locked"
                if code is None:
                    done = (await act(caller, order_id, "cancel", CANCEL)).ok()
                    assert (done["status"], done["cancellation"]["cancelled_from"], done["cancellation"]["reason"]) == (
                        "cancelled",
                        at,
                        CANCEL["reason"],
                    )
                else:
                    async with unchanged(shop, order_id):
                        answer = await act(caller, order_id, "cancel", CANCEL)
                        assert (answer.status, answer.code) == (409, code), (who, paid, at)


async def test_a_cancellation_is_a_record_and_releases_what_had_not_left(shop: Shop) -> None:
    await stocked(shop, TEE_1=10)
    order_id = await placed(shop)
    outlook = (await act(shop.customer(), order_id, "cancel?dry_run=true", CANCEL)).ok()
    assert outlook.headers["aftersale-dry-run"] == "true"
    stale = await shop.staff.post(f"/orders/v1/orders/{order_id}/cancel?dry_run=true", json=CANCEL, headers={"If-Match": '"v99"'})
    assert (stale.status, stale.code) == (412, "version_conflict")
    released = [{"line": 1, "sku": "TEE-1", "quantity": 2}]
    expected = {"allowed": True, "code": None, "detail": "", "released": released, "goods_return_through_refund": False}
    assert outlook.body == expected
    assert (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == 8
    done = (await shop.platform.post(f"/orders/v1/orders/{order_id}/cancel", json=CANCEL, headers={"On-Behalf-Of": "c-1"})).ok()
    assert done["cancellation"]["by"] == {"role": "customer", "id": "c-1", "via": "platform:platform-1"}
    assert (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == 10
    event = (await shop.events("orders", order_id))[-1]
    assert (event["type"], event["data"]["order"]["cancellation"]["cancelled_from"]) == ("order.cancelled.v1", "pending")
    assert event["data"]["personal"]["message"] == "sorry"
    async with unchanged(shop, order_id):
        assert (await act(shop.customer(), order_id, "cancel", CANCEL)).code == "already_cancelled"


async def test_goods_that_had_left_come_back_through_the_refund(shop: Shop) -> None:
    await stocked(shop, TEE_1=10)
    order_id = await placed(shop, at="picked_up")
    assert (await act(shop.customer(), order_id, "cancel?dry_run=true", CANCEL)).ok()["goods_return_through_refund"] is True
    (await act(shop.customer(), order_id, "cancel", CANCEL)).ok()
    moves = await shop.rows("orders", "select quantity, cause from stock_movements where store_id = {store} order by sequence")
    assert [move["quantity"] for move in moves] == [10, -2]


async def test_staff_may_cancel_unpaid_after_a_failed_delivery(shop: Shop) -> None:
    order_id = await placed(shop, at="shipped")
    assert (await act(shop.staff, order_id, "cancel", CANCEL)).code == "unpaid_is_the_customers"
    failed = (await act(shop.staff, order_id, "delivery-failures", {"reason": "nobody home", "reported_by": "rider 7"})).ok()
    assert (failed["version"], failed["status"]) == (3, "shipped")
    event = (await shop.events("orders", order_id))[-1]["data"]
    assert (event["reported_by"], event["reason"]) == ("rider 7", "nobody home")
    for caller, shown in ((shop.staff, ("nobody home", {"reported_by": "rider 7"})), (shop.customer(), ("", {}))):
        entry = (await caller.get(f"/orders/v1/orders/{order_id}")).ok()["timeline"][-1]
        assert (entry["reason"], entry["details"]) == shown  # what the shop notes for itself stays there
    assert (await act(shop.staff, order_id, "cancel", CANCEL)).ok()["status"] == "cancelled"


async def test_part_payments_add_up_and_the_same_reference_counts_once(shop: Shop) -> None:
    order_id = await placed(shop)
    first = {"amount": 3000, "method": "cod", "reference": "a", "collected_by": "Karim"}
    once = (await act(shop.staff, order_id, "payments", first)).ok()
    again = (await act(shop.staff, order_id, "payments", first)).ok()
    assert (again["version"], again["payments"]) == (2, once["payments"])
    async with unchanged(shop, order_id):
        conflict = await act(shop.staff, order_id, "payments", first | {"amount": 3001})
        assert (conflict.status, conflict.code, conflict["recorded"], conflict["given"]) == (409, "payment_conflict", 3000, 3001)
        for bad in (0, -1, 1.5, 10**16, "3"):
            assert (await act(shop.staff, order_id, "payments", first | {"amount": bad, "reference": "x"})).status == 422
        assert (await act(shop.customer(), order_id, "payments", first)).code == "shop_only"
    paid = (await act(shop.staff, order_id, "payments", {"amount": 9000, "method": "cod", "reference": "b"})).ok()
    assert (paid["payment"], paid["collected"]["amount"], paid["needs_attention"]) == ("paid", 12000, ["overpaid"])
    attention = (await shop.staff.get("/orders/v1/orders?needs_attention=true")).ok()["items"]
    assert [item["order_id"] for item in attention] == [order_id]
    second = paid["payments"][1]["payment_id"]
    back = (await act(shop.staff, order_id, f"payments/{second}/reversals", {"reason": "typed twice"})).ok()
    assert (back["payment"], back["collected"]["amount"], [p["amount"]["amount"] for p in back["payments"]]) == (
        "unpaid",
        3000,
        [3000, 9000, -9000],
    )
    async with unchanged(shop, order_id):
        assert (await act(shop.staff, order_id, f"payments/{second}/reversals", {"reason": "again"})).code == "already_reversed"
        foreign = "payment_01jd00000000000000000000a0"
        assert (await act(shop.staff, order_id, f"payments/{foreign}/reversals", {"reason": "?"})).status == 404
    assert [event["type"] for event in await shop.events("orders", order_id)][1:] == [
        "order.payment_recorded.v1", "order.payment_recorded.v1", "order.payment_reversed.v1",
    ]  # fmt: skip


async def test_double_payment_by_32_clients(shop: Shop) -> None:
    order_id = await placed(shop)
    body = {"amount": 11000, "method": "cod", "reference": "slip"}
    answers = await asyncio.gather(*(act(shop.staff, order_id, "payments", body) for _ in range(32)))
    assert {answer.ok()["version"] for answer in answers} == {2}
    assert (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["collected"]["amount"] == 11000


async def test_cancel_against_ship_exactly_one_wins(shop: Shop) -> None:
    (
        await shop.staff.put(
            "/orders/v1/orders-settings", json=SETTINGS | {"customer_cancel_until": "shipped"}, headers={"If-Match": '"v0"'}
        )
    ).ok()
    for _ in range(8):
        order_id = await placed(shop)
        cancel, ship = await asyncio.gather(
            act(shop.customer(), order_id, "cancel", CANCEL), act(shop.staff, order_id, "transitions", {"to": "shipped"})
        )
        assert sorted((cancel.status, ship.status)) == [200, 409]
        shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
        assert (shown["version"], shown["status"]) == (2, "cancelled" if cancel.status == 200 else "shipped")
        assert len(await shop.events("orders", order_id)) == 2


async def test_two_status_changes_at_once(shop: Shop) -> None:
    for _ in range(5):
        order_id = await placed(shop)
        answers = await asyncio.gather(*(act(shop.staff, order_id, "transitions", {"to": "confirmed"}) for _ in range(24)))
        assert sorted(answer.status for answer in answers) == [200] + [409] * 23
        assert [event["sequence"] for event in await shop.events("orders", order_id)] == [1, 2]


async def test_the_number_of_a_known_carrier_is_enough_for_a_link(shop: Shop) -> None:
    order_id = await placed(shop)
    link = "https://merchant.pathao.com/tracking?consignment_id="
    shipped = (await act(shop.staff, order_id, "transitions", {"to": "shipped", "tracking": {"carrier": "PATHAO", "number": "P-1"}})).ok()
    assert shipped["tracking"] == {"carrier": "PATHAO", "number": "P-1", "url": f"{link}P-1"}
    corrected = {"reason": "typo", "tracking": {"carrier": "Pathao", "number": "P-2"}}
    edited = (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json=corrected)).ok()
    assert edited["tracking"] == {"carrier": "Pathao", "number": "P-2", "url": f"{link}P-2"}
    [*_, told] = await shop.events("orders", order_id)
    assert told["data"]["order"]["tracking"]["url"] == f"{link}P-2"


async def test_steps_are_forward_only_with_message_and_tracking(shop: Shop) -> None:
    order_id = await placed(shop)
    tracking = {"carrier": "Pathao", "number": "P-1", "url": "https://example.com/P-1"}
    shipped = (await act(shop.platform, order_id, "transitions", {"to": "shipped", "message": "on its way", "tracking": tracking})).ok()
    assert (shipped["status"], shipped["tracking"], shipped["confirmed_at"] is not None) == ("shipped", tracking, True)
    async with unchanged(shop, order_id):
        for to, code in (("shipped", "already_there"), ("confirmed", "not_forward")):
            answer = await act(shop.staff, order_id, "transitions", {"to": to})
            assert (answer.status, answer.code) == (409, code)
        assert (await act(shop.customer(), order_id, "transitions", {"to": "delivered"})).code == "shop_only"
        for bad in ({"to": "pending"}, {"to": "cancelled"}, {"to": "delivered", "message": "x" * 10_000},
                    {"to": "delivered", "tracking": {"carrier": "x", "number": "y", "url": "javascript:alert(1)"}}):  # fmt: skip
            assert (await act(shop.staff, order_id, "transitions", bad)).status == 422
        early = await act(shop.staff, order_id, "transitions", {"to": "delivered", "occurred_at": "2001-01-01T00:00:00Z"})
        assert early.code == "before_placing"
    seen = (await shop.customer().get(f"/orders/v1/orders/{order_id}")).ok()
    assert (seen["timeline"][1]["message"], seen["timeline"][1]["by"]) == ("on its way", {"role": "platform", "id": None, "via": None})


async def test_a_reason_is_for_the_shop_and_for_who_gave_it(shop: Shop) -> None:
    prepaid = [{"amount": 11000, "method": "card", "reference": "ch_1"}]
    own, shops = await placed(shop), await placed(shop, payments=prepaid)  # what is not paid is the customer's to cancel
    (await act(shop.customer(), own, "cancel", CANCEL)).ok()
    (await act(shop.caller("staff", "c-1"), shops, "cancel", CANCEL)).ok()  # ids of staff and of customers may be equal
    for order_id, reader, reason in (
        (own, shop.customer(), CANCEL["reason"]),
        (own, shop.staff, CANCEL["reason"]),
        (shops, shop.customer(), ""),
        (shops, shop.staff, CANCEL["reason"]),
    ):
        shown = (await reader.get(f"/orders/v1/orders/{order_id}")).ok()
        [entry] = [entry for entry in shown["timeline"] if entry["type"] == "order.cancelled.v1"]
        assert (shown["cancellation"]["reason"], entry["reason"], entry["message"]) == (reason, reason, CANCEL["message"])
        assert [who["id"] for who in (shown["cancellation"]["by"], entry["by"])] == ["c-1" if reason else None] * 2


async def test_versions_are_honoured(shop: Shop) -> None:
    order_id = await placed(shop, at="confirmed")
    async with unchanged(shop, order_id):
        stale = await act(shop.staff, order_id, "transitions", {"to": "shipped"}, headers={"If-Match": '"v1"'})
        assert (stale.status, stale.code, stale["current_version"]) == (412, "version_conflict", 2)
    assert (await act(shop.staff, order_id, "transitions", {"to": "shipped"}, headers={"If-Match": '"v2"'})).ok().etag == '"v3"'
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    assert shown.etag.startswith('"v3.')
    same = await shop.staff.get(f"/orders/v1/orders/{order_id}", headers={"If-None-Match": shown.etag})
    assert (same.status, same.content) == (304, b"")


async def test_corrections_within_their_limits(shop: Shop) -> None:
    order_id = await placed(shop)
    path = f"/orders/v1/orders/{order_id}"
    new = {"country_code": "BD", "street_address": "Lake Road 9", "city": "Sylhet", "postal_code": "3100"}
    edited = (await shop.staff.patch(path, json={"reason": "moved", "shipping_address": new, "customer": {"phone": "01812345678"}})).ok()
    assert (edited["version"], edited["shipping_address"]["city"], edited["customer"]["phone"]) == (2, "Sylhet", "+8801812345678")
    assert (edited["customer"]["name"], edited["billing_address"]["city"]) == ("Rahima Begum", "Dhaka")
    event = (await shop.events("orders", order_id))[-1]["data"]
    assert (event["reason"], event["fields"]) == ("moved", ["customer", "shipping_address"])
    async with unchanged(shop, order_id):
        assert (await shop.staff.patch(path, json={"reason": "again", "shipping_address": new})).code == "nothing_changed"
        assert (await shop.staff.patch(path, json={"reason": "nothing"})).status == 422
        assert (await shop.staff.patch(path, json={"shipping_address": new})).status == 422
        assert (await shop.customer().patch(path, json={"reason": "x", "customer": {"name": "Y"}})).code == "shop_only"
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    async with unchanged(shop, order_id):
        both = {"reason": "late", "shipping_address": new | {"city": "Dhaka"}, "billing_address": new}
        assert (await shop.staff.patch(path, json=both)).code == "billing_address_frozen"
    (await act(shop.staff, order_id, "transitions", {"to": "picked_up"})).ok()
    assert (
        await shop.staff.patch(path, json={"reason": "late", "shipping_address": new | {"city": "Dhaka"}})
    ).code == "shipping_address_frozen"


async def test_edit_against_pickup(shop: Shop) -> None:
    new = {"country_code": "BD", "street_address": "Lake Road 9", "city": "Sylhet"}
    for _ in range(6):
        order_id = await placed(shop)
        edit, pickup = await asyncio.gather(
            shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"reason": "moved", "shipping_address": new}),
            act(shop.staff, order_id, "transitions", {"to": "picked_up"}),
        )
        assert pickup.status == 200
        told = [event["type"] for event in await shop.events("orders", order_id)][1:]
        if edit.status == 200:
            assert told == ["order.edited.v1", "order.picked_up.v1"]
        else:
            assert (edit.code, told) == ("shipping_address_frozen", ["order.picked_up.v1"])


async def test_anothers_order_is_no_order(shop: Shop) -> None:
    order_id = await placed(shop)
    strangers = (shop.customer("c-2"), shop.caller("staff", "s", store="another-store"))
    async with unchanged(shop, order_id):
        for stranger in strangers:
            for answer in (
                await stranger.get(f"/orders/v1/orders/{order_id}"),
                await stranger.get(f"/orders/v1/orders/{order_id}/actions"),
                await act(stranger, order_id, "cancel", CANCEL),
                await act(stranger, order_id, "cancel?dry_run=true", CANCEL),
                await act(stranger, order_id, "transitions", {"to": "confirmed"}),
                await act(stranger, order_id, "payments", {"amount": 1, "method": "cod", "reference": "x"}),
                await act(stranger, order_id, "delivery-failures", {"reason": "x"}),
                await stranger.patch(f"/orders/v1/orders/{order_id}", json={"reason": "x", "customer": {"name": "Y"}}),
            ):
                assert (answer.status, answer.code) == (404, "not_found")
    assert (await shop.customer("c-2").get("/orders/v1/orders")).ok()["items"] == []
    assert (await shop.caller("guest", "order_01jd00000000000000000000a0").get(f"/orders/v1/orders/{order_id}")).status == 404
    assert (await shop.caller("guest", order_id).get(f"/orders/v1/orders/{order_id}")).status == 200
    assert (await act(shop.reader, order_id, "transitions", {"to": "confirmed"})).code == "read_only"


async def test_actions_are_what_the_commands_answer(shop: Shop) -> None:
    order_id = await placed(shop, at="shipped")
    offered = (await shop.staff.get(f"/orders/v1/orders/{order_id}/actions")).ok()["actions"]
    assert {name for name, action in offered.items() if action["allowed"]} == {
        "deliver", "report_failed_delivery", "record_payment", "part_cancel", "change_parcels", "edit_customer", "edit_tracking",
        "edit_customer_note", "edit_tags", "edit_metadata",
    }  # fmt: skip
    assert (offered["ship"]["code"], offered["cancel"]["code"]) == ("already_there", "unpaid_is_the_customers")
    assert offered["close_difference"]["code"] == "above_closing_limit"  # 0 is the default
    by_platform = (await shop.platform.get(f"/orders/v1/orders/{order_id}/actions")).ok()["actions"]
    assert by_platform["close_difference"]["allowed"]
    mine = (await shop.customer().get(f"/orders/v1/orders/{order_id}/actions")).ok()["actions"]
    assert {name for name, action in mine.items() if action["allowed"]} == {"cancel"}
