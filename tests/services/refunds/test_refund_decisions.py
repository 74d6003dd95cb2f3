"""Asking, approving, declining and withdrawing over HTTP; every refusal changes nothing and tells nobody."""

from typing import Any

import pytest

from shared.contracts.ids import new_id
from tests.services.refunds.scenes import (
    amounts,
    approve,
    ask,
    cancel,
    delivered,
    everything,
    move,
    order,
    policy,
    prepaid,
    refunds_of,
    seen,
    told,
    withdraw,
)
from tests.shop import Shop, eventually

TWO_LINES = [
    {"sku": "A", "name": "A", "quantity": 4, "total": 10_000},
    {"sku": "B", "name": "B", "quantity": 2, "total": 5_000},
]


async def test_a_request_is_on_the_customers_page_at_once_and_nothing_is_sent(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    asked = (await ask(shop.customer(), order_id, (1, 1), description="a hole", further_information="left sleeve")).ok()
    shown = (await shop.customer().get(f"/refunds/v1/refunds/{asked['refund_id']}")).ok()
    assert (shown["status"], shown["settlement"], shown["description"]) == ("processing", "none", "a hole")
    assert shown["actions"]["withdraw"] == {"action": "withdraw", "allowed": True, "code": None, "detail": ""}
    assert {name: action["code"] for name, action in shown["actions"].items() if not action["allowed"]} == {
        "approve": "shop_only",
        "decline": "shop_only",
        "settle": "shop_only",
        "inspect": "shop_only",
    }
    assert await told(shop, order_id) == ["refund.requested.v1"]


async def test_the_preview_says_what_the_request_will_pay_and_writes_nothing(shop: Shop) -> None:
    order_id = await delivered(shop, lines=TWO_LINES, shipping={"amount": 1_500}, **prepaid(16_500))
    body = {"order_id": order_id, "lines": [{"line": 1, "quantity": 3}, {"line": 2, "quantity": 1}], "reason": "other"}
    before = await everything(shop, order_id)
    preview = (await shop.customer().post("/refunds/v1/refunds/preview", json=body, key=None)).ok()
    assert await everything(shop, order_id) == before
    asked = (await shop.customer().post("/refunds/v1/refunds", json=body)).ok()
    assert tuple(preview[name]["amount"] for name in ("credit", "goods", "shipping")) == amounts(asked) == (11_000, 10_000, 1_000)
    assert (preview["payout"]["amount"], preview["due_before"]["amount"]) == (11_000, 0)
    assert preview["explanation"] == asked["explanation"]
    assert asked["explanation"]["lines"][0] == {
        "line": 1, "line_total": 10_000, "line_quantity": 4, "units": [[1, 3]], "goods": 7_500, "shipping_share": 750,
    }  # fmt: skip


async def test_what_can_still_be_asked_for(shop: Shop) -> None:
    await policy(shop, deduct_shipping=True)
    order_id = await delivered(shop, lines=TWO_LINES, shipping={"amount": 1_500}, **prepaid(16_500))
    (await ask(shop.customer(), order_id, (1, 3))).ok()
    left = (await shop.customer().get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()
    assert [(line["free"], line["amount"]["amount"]) for line in left["lines"]] == [(1, 2_500), (2, 5_000)]
    assert (left["amount"]["decimal"], left["deduct_shipping"], left["request"]["allowed"]) == ("75.00", True, True)
    assert left["reasons"] == ["damaged", "wrong_item", "not_as_described", "arrived_late", "no_longer_wanted", "other"]


@pytest.mark.parametrize(
    ("lines", "more", "status", "code"),
    [
        ([(1, 3)], {}, 409, "units_not_free"),
        ([(2, 1)], {}, 422, "unknown_line"),
        ([(1, 1), (1, 1)], {}, 422, "line_twice"),
        ([], {}, 422, "invalid"),
        ([(1, 1)], {"reason": "boredom"}, 409, "reason_not_offered"),
        ([(1, 1)], {"reason": "Boredom!"}, 422, "invalid"),
        ([(1, 1)], {"amount": 1}, 422, "invalid"),
        ([(1, 1)], {"description": "x" * 5_001}, 422, "invalid"),
        ([(1, 1)], {"attachments": [new_id("attachment")]}, 409, "attachment_not_found"),
        ([(1, 1)], {"attachments": ["../../etc/passwd"]}, 422, "invalid"),
    ],
)
async def test_what_is_refused(shop: Shop, lines: list[tuple[int, int]], more: dict[str, Any], status: int, code: str) -> None:
    order_id = await delivered(shop, **prepaid())
    before = await everything(shop, order_id)
    refused = await ask(shop.customer(), order_id, *lines, **more)
    assert (refused.status, refused.code) == (status, code)
    assert await everything(shop, order_id) == before


async def test_attachments_off_refuses_files_and_further_information_and_nothing_else(shop: Shop) -> None:
    await policy(shop, attachments=False)
    order_id = await delivered(shop, **prepaid())
    before = await everything(shop, order_id)
    for more in ({"attachments": [new_id("attachment")]}, {"further_information": "see photo"}):
        refused = await ask(shop.customer(), order_id, (1, 1), **more)
        assert (refused.status, refused.code) == (409, "attachments_off")
    assert await everything(shop, order_id) == before
    assert (await ask(shop.customer(), order_id, (1, 1), description="a hole")).status == 201


async def test_others_orders_and_refunds_do_not_exist(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    before = await everything(shop, order_id)
    elsewhere = shop.caller("staff", "staff-1", store=f"{shop.store}-2")
    for stranger in (shop.customer("c-2"), elsewhere):
        of_order = [await ask(stranger, order_id, (1, 1)), await stranger.get(f"/refunds/v1/refunds/refundable/{order_id}")]
        assert [(answer.status, answer.code) for answer in of_order] == [(404, "order_not_here_yet")] * 2
        of_refund = [await stranger.get(f"/refunds/v1/refunds/{refund_id}")]
        for action, body in (("withdraw", {}), ("approve", {}), ("decline", {"internal_reason": "no"})):
            of_refund.append(await stranger.post(f"/refunds/v1/refunds/{refund_id}/{action}", json=body))
        assert [(answer.status, answer.code) for answer in of_refund] == [(404, "not_found")] * 4
        assert (await stranger.get("/refunds/v1/refunds")).ok()["items"] == []
    unknown = await ask(shop.customer(), new_id("order"), (1, 1))
    assert (unknown.status, unknown.code) == (404, "order_not_here_yet")
    assert await everything(shop, order_id) == before


async def test_each_side_does_its_own(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    before = await everything(shop, order_id)
    path = f"/refunds/v1/refunds/{refund_id}"
    report = {"outcome": "succeeded", "reference": "r", "method": "bkash"}
    look = {"lines": [{"line": 1, "quantity": 1, "disposition": "restock"}]}
    tries = [("approve", {}), ("decline", {"internal_reason": "no"}), ("settlements", report), ("inspections", look)]
    answers = [await shop.customer().post(f"{path}/{action}", json=body) for action, body in tries]
    assert {(answer.status, answer.code) for answer in answers} == {(403, "shop_only")}
    refused = await shop.staff.post(f"{path}/withdraw")
    assert (refused.status, refused.code) == (403, "customer_only")
    refused = await shop.reader.post(f"{path}/approve", json={})
    assert (refused.status, refused.code) == (403, "read_only")
    assert await everything(shop, order_id) == before


async def test_a_platform_acts_for_its_customer(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    body = {"order_id": order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged"}
    asked = (await shop.platform.post("/refunds/v1/refunds", json=body, headers={"On-Behalf-Of": "c-1"})).ok()
    assert asked["requested_by"] == {"role": "customer", "id": "c-1", "via": "platform:platform-1"}
    refused = await shop.platform.post("/refunds/v1/refunds", json=body, headers={"On-Behalf-Of": "c-2"})
    assert refused.status == 404


async def test_an_approval_for_fewer_units_keeps_the_lowest_and_frees_the_rest(shop: Shop) -> None:
    order_id = await delivered(shop, lines=TWO_LINES, shipping={"amount": 1_500}, **prepaid(16_500))
    refund_id = (await ask(shop.customer(), order_id, (1, 3), (2, 2))).ok()["refund_id"]
    approved = (await approve(shop, refund_id, lines=[{"line": 1, "quantity": 2, "disposition": "discard"}], message="Two of them.")).ok()
    assert amounts(approved) == (5_500, 5_000, 500)
    [line] = approved["lines"]
    assert (line["units"], line["disposition"], line["not_restocked_because"]) == ([{"first": 1, "last": 2}], "discard", "discarded")
    left = (await shop.customer().get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()
    assert [line["free"] for line in left["lines"]] == [2, 2]
    rest = (await ask(shop.customer(), order_id, (1, 2), (2, 2))).ok()
    assert amounts((await approve(shop, rest["refund_id"])).ok()) == (11_000, 10_000, 1_000)
    [event] = [event for event in await shop.events("refunds", order_id) if event["sequence"] == 2]
    assert (event["data"]["refund"]["amount"], event["data"]["personal"]["message"]) == (5_500, "Two of them.")


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ([{"line": 1, "quantity": 2}], 409, "not_requested"),
        ([{"line": 2, "quantity": 1}], 409, "not_requested"),
        ([{"line": 1, "quantity": 1}, {"line": 1, "quantity": 1}], 422, "line_twice"),
        ([], 422, "invalid"),
        ([{"line": 1, "quantity": 1, "disposition": "never_left"}], 422, "invalid"),
    ],
)
async def test_an_approval_never_goes_beyond_the_request(shop: Shop, lines: list[dict[str, Any]], status: int, code: str) -> None:
    order_id = await delivered(shop, **prepaid())
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    before = await everything(shop, order_id)
    refused = await approve(shop, refund_id, lines=lines)
    assert (refused.status, refused.code) == (status, code)
    assert await everything(shop, order_id) == before


async def test_a_declined_request_frees_its_units_and_keeps_the_reason_inside(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    refund_id = (await ask(shop.customer(), order_id, (1, 2))).ok()["refund_id"]
    body = {"internal_reason": "third time this month", "message": "Sorry, worn items stay."}
    declined = (await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/decline", json=body)).ok()
    assert (declined["status"], declined["internal_reason"]) == ("cancelled", "third time this month")
    shown = await shop.customer().get(f"/refunds/v1/refunds/{refund_id}")
    assert (shown["message"], shown["internal_reason"], shown["decided_by"]) == (
        "Sorry, worn items stay.",
        None,
        {"role": "staff", "id": None, "via": None},
    )
    assert b"third time" not in shown.content
    events = await shop.events("refunds", order_id)
    assert "third time" not in str(events)
    assert [event["type"] for event in events] == ["refund.requested.v1", "refund.cancelled.v1"]
    assert (await ask(shop.customer(), order_id, (1, 2))).status == 201


@pytest.mark.parametrize(("end", "code"), [("approve", "already_approved"), ("withdraw", "refund_cancelled")])
async def test_what_is_decided_stays_decided(shop: Shop, end: str, code: str) -> None:
    order_id = await delivered(shop, **prepaid())
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    (await (approve(shop, refund_id) if end == "approve" else withdraw(shop.customer(), refund_id))).ok()
    before = await everything(shop, order_id)
    for caller, action, body in (
        (shop.staff, "approve", {}),
        (shop.staff, "decline", {"internal_reason": "no"}),
        (shop.customer(), "withdraw", {}),
    ):
        refused = await caller.post(f"/refunds/v1/refunds/{refund_id}/{action}", json=body)
        assert (refused.status, refused.code) == (409, code)
    assert await everything(shop, order_id) == before


async def test_if_match_keeps_two_deciders_apart(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    asked = (await ask(shop.customer(), order_id, (1, 1))).ok()
    assert asked.etag == '"v1"'
    path = f"/refunds/v1/refunds/{asked['refund_id']}"
    refused = await shop.staff.post(f"{path}/approve", json={}, headers={"If-Match": '"v7"'})
    assert (refused.status, refused.code, refused["current_version"]) == (412, "version_conflict", 1)
    approved = (await shop.staff.post(f"{path}/approve", json={}, headers={"If-Match": '"v1"'})).ok()
    assert approved.etag == '"v2"'
    shown = (await shop.staff.get(path)).ok()
    assert (await shop.staff.get(path, headers={"If-None-Match": shown.etag})).status == 304


async def test_refunded_goods_go_back_once_and_the_order_shows_what_was_refunded(shop: Shop) -> None:
    await policy(shop, manage_stock=True)
    settings = await shop.staff.get("/orders/v1/orders-settings")
    body = {name: settings[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")} | {"stock": True}
    (await shop.staff.put("/orders/v1/orders-settings", json=body, headers={"If-Match": settings.etag})).ok()
    (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": 10})).ok()
    order_id = await delivered(shop, **prepaid())
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    assert (await shop.staff.get("/orders/v1/stock/TEE-1"))["on_hand"] == 8
    (await approve(shop, refund_id)).ok()

    async def restocked() -> bool:
        level = (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()
        state = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
        return (level["on_hand"], state["refund_state"], state["refunded_total"]["amount"]) == (9, "partial", 5_500)

    await eventually(restocked)


async def test_open_requests_of_a_cancelled_order_are_cancelled_first(shop: Shop) -> None:
    """A delivered order cannot be cancelled by its rules; should it happen all the same, nothing is paid twice."""
    order_id = await order(shop, **prepaid())
    await move(shop, order_id, "shipped")
    await seen(shop, order_id, status="shipped")
    await shop.rows("refunds", "update orders set status = 'delivered' where store_id = {store}")
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    await cancel(shop.customer(), order_id)
    requested, automatic = await refunds_of(shop, order_id, 2)
    assert (requested["refund_id"], requested["status"]) == (refund_id, "cancelled")
    assert (automatic["cause"], amounts(automatic), automatic["lines"][0]["quantity"]) == ("cancellation", (11_000, 10_000, 1_000), 2)
    assert await told(shop, order_id) == ["refund.requested.v1", "refund.cancelled.v1", "refund.approved.v1"]
    refused = await ask(shop.customer(), order_id, (1, 1))
    assert (refused.status, refused.code) == (409, "order_cancelled")
