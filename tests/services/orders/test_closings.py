"""Closing a difference, and reversing a payment in parts, over HTTP; and the constraints that stand behind the code."""

import asyncio
from typing import Any

import asyncpg
import pytest

from shared.contracts.ids import uuid_of
from tests.services.orders.test_changes import act, placed, unchanged
from tests.services.orders.test_placing import SETTINGS
from tests.shop import Shop

OFF_3 = {"kind": "written_off", "amount": 3, "reason": "rounding", "note": "the till had no coins, says Rahima"}


async def limited(shop: Shop, limit: int) -> None:
    """Staff may close this much of one order and kind."""
    settings = await shop.staff.get("/orders/v1/orders-settings")
    body = SETTINGS | {"closing_limit": limit}
    assert (await shop.staff.put("/orders/v1/orders-settings", json=body, headers={"If-Match": settings.etag})).ok()[
        "closing_limit"
    ] == limit


def paid(amount: int) -> dict[str, Any]:
    return {"payments": [{"amount": amount, "method": "card", "reference": "ch_1"}]}


async def test_what_is_due_is_written_off_and_its_note_stays_in_the_shop(shop: Shop) -> None:
    await limited(shop, 3)
    order_id = await placed(shop, at="confirmed", **paid(10997))
    closed = (await act(shop.staff, order_id, "closings", OFF_3)).ok()
    assert (closed["payment"], closed["due"]["amount"], closed["collected"]["amount"]) == ("paid", 0, 10997)
    [closing] = closed["closings"]
    said = {name: closing[name] for name in ("kind", "reason", "note", "order_version")}
    assert said == {"kind": "written_off", "reason": "rounding", "note": OFF_3["note"], "order_version": 3}
    assert (closing["amount"]["amount"], closing["by"]["id"]) == (3, "staff-1")
    [event] = [event for event in await shop.events("orders", order_id) if event["type"] == "order.difference_closed.v1"]
    assert "Rahima" not in str(event["data"]["order"]["closings"]) + str(event["data"]["closing_id"])
    assert "no coins" not in str(event)
    entry = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["timeline"][-1]
    details = {"closing_id": closing["closing_id"], "kind": "written_off", "amount": 3, "reason": "rounding"}
    assert (entry["type"], entry["reason"], entry["details"]) == ("order.difference_closed.v1", OFF_3["note"], details)
    for caller in (shop.customer(), shop.caller("guest", order_id)):
        mine = (await caller.get(f"/orders/v1/orders/{order_id}")).ok()
        assert [entry["type"] for entry in mine["timeline"]] == ["order.placed.v1", "order.confirmed.v1"]
        [shown] = mine["closings"]
        assert (shown["kind"], shown["amount"]["amount"], shown["reason"], shown["note"]) == ("written_off", 3, None, "")
        assert "no coins" not in mine.content.decode()
        assert "rounding" not in mine.content.decode()
    listed = (await shop.staff.get("/orders/v1/orders?payment=paid")).ok()["items"]
    assert [item["order_id"] for item in listed] == [order_id]


async def test_what_is_overpaid_is_kept_and_needs_no_attention_any_more(shop: Shop) -> None:
    order_id = await placed(shop, at="delivered", **paid(11500))
    attention = "/orders/v1/orders?needs_attention=true"
    assert len((await shop.staff.get(attention)).ok()["items"]) == 1
    body = {"kind": "kept", "amount": 500, "reason": "tip"}
    kept = (await act(shop.platform, order_id, "closings", body)).ok()
    assert (kept["overpaid"]["amount"], kept["needs_attention"], kept["payment"]) == (0, [], "paid")
    assert (await shop.staff.get(attention)).ok()["items"] == []


async def test_money_that_still_comes_needs_no_correction(shop: Shop) -> None:
    order_id = await placed(shop, at="delivered", **paid(10997))
    (await act(shop.platform, order_id, "closings", OFF_3)).ok()
    late = (await act(shop.staff, order_id, "payments", {"amount": 3, "method": "cash", "reference": "coins"})).ok()
    assert (late["due"]["amount"], late["overpaid"]["amount"], late["payment"]) == (0, 0, "paid")
    first = late["payments"][0]["payment_id"]
    back = (await act(shop.staff, order_id, f"payments/{first}/reversals", {"reason": "charged back"})).ok()
    assert (back["due"]["amount"], back["payment"]) == (10994, "unpaid")  # 110.00 less 0.03 paid and 0.03 written off


async def test_refusals_name_the_figures_and_change_nothing(shop: Shop) -> None:
    await limited(shop, 2)
    order_id = await placed(shop, at="confirmed", **paid(10997))
    async with unchanged(shop, order_id):
        for caller in (shop.staff, shop.platform):
            refused = await act(caller, order_id, "closings", OFF_3 | {"amount": 4})
            assert (refused.status, refused.code, refused["due"], refused["overpaid"]) == (409, "no_such_difference", 3, 0)
            assert (await act(caller, order_id, "closings", OFF_3 | {"kind": "kept", "amount": 1})).code == "no_such_difference"
        refused = await act(shop.staff, order_id, "closings", OFF_3)
        assert (refused.status, refused.code, refused["limit"], refused["closed"]) == (409, "above_closing_limit", 2, 0)
        assert (await act(shop.customer(), order_id, "closings", OFF_3)).code == "shop_only"
        assert (await act(shop.reader, order_id, "closings", OFF_3)).code == "read_only"
        stale = await act(shop.platform, order_id, "closings", OFF_3, headers={"If-Match": '"v1"'})
        assert stale.status == 412
        for bad in ({"amount": 0}, {"amount": -1}, {"kind": "lost"}, {"reason": "because"}, {"note": "x" * 501}):
            assert (await act(shop.platform, order_id, "closings", OFF_3 | bad)).status == 422
        dry = (await act(shop.platform, order_id, "closings?dry_run=true", OFF_3)).ok()
        assert (dry["payment"], len(dry["closings"])) == ("paid", 1)
    for at, code in (("pending", "pending_is_amended"), ("cancelled", "already_cancelled")):
        other = await placed(shop, at="pending" if at == "pending" else "confirmed", **paid(10997))
        if at == "cancelled":
            (await act(shop.platform, other, "cancel", {"reason": "x"})).ok()
        async with unchanged(shop, other):
            assert (await act(shop.platform, other, "closings", OFF_3)).code == code


async def test_two_closings_at_once_never_exceed_what_is_due(shop: Shop) -> None:
    order_id = await placed(shop, at="confirmed", **paid(10990))
    body = {"kind": "written_off", "amount": 4, "reason": "shortage"}
    answers = await asyncio.gather(*(act(shop.platform, order_id, "closings", body) for _ in range(6)))
    assert sorted(answer.code or "" for answer in answers) == ["", "", *["no_such_difference"] * 4]
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    assert (shown["due"]["amount"], len(shown["closings"]), shown["payment"]) == (2, 2, "unpaid")
    rows = await shop.rows("orders", "select amount, difference from closings where store_id = {store} order by order_version")
    assert [tuple(row.values()) for row in rows] == [(4, 10), (4, 6)]


async def test_a_repeated_key_closes_once(shop: Shop) -> None:
    order_id = await placed(shop, at="confirmed", **paid(10990))
    body = {"kind": "written_off", "amount": 4, "reason": "shortage"}
    first = (await act(shop.platform, order_id, "closings", body, key="k-1")).ok()
    again = (await act(shop.platform, order_id, "closings", body, key="k-1")).ok()
    assert (again.replayed, again.body) == (True, first.body)
    assert len((await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["closings"]) == 1


async def test_erasure_blanks_the_note_and_keeps_the_figures(shop: Shop) -> None:
    order_id = await placed(shop, at="confirmed", **paid(10997))
    (await act(shop.platform, order_id, "closings", OFF_3)).ok()
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    assert [(one["amount"]["amount"], one["reason"], one["note"]) for one in shown["closings"]] == [(3, "rounding", "")]
    assert "no coins" not in shown.content.decode()


async def test_a_payment_is_reversed_in_parts(shop: Shop) -> None:
    """Case 37: 40.00 charged back; 80.00 more is refused; the rest."""
    order_id = await placed(shop, **paid(11000))
    [payment] = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"]
    path = f"payments/{payment['payment_id']}/reversals"
    part = (await act(shop.staff, order_id, path, {"reason": "charged back", "amount": 4000})).ok()
    assert (part["collected"]["amount"], part["due"]["amount"], part["payment"]) == (7000, 4000, "unpaid")
    async with unchanged(shop, order_id):
        refused = await act(shop.staff, order_id, path, {"reason": "charged back", "amount": 8000})
        assert (refused.status, refused.code, refused["left"]) == (409, "reversal_too_large", 7000)
        assert (await act(shop.staff, order_id, path, {"reason": "x", "amount": 0})).status == 422
        of_reversal = f"payments/{part['payments'][1]['payment_id']}/reversals"
        assert (await act(shop.staff, order_id, of_reversal, {"reason": "x", "amount": 1})).code == "not_a_payment"
    rest = (await act(shop.staff, order_id, path, {"reason": "the rest too"})).ok()
    assert [one["amount"]["amount"] for one in rest["payments"]] == [11000, -4000, -7000]
    assert [one["reverses"] for one in rest["payments"]] == [None, payment["payment_id"], payment["payment_id"]]
    async with unchanged(shop, order_id):
        assert (await act(shop.staff, order_id, path, {"reason": "x"})).code == "already_reversed"
        assert (await act(shop.staff, order_id, path, {"reason": "x", "amount": 1})).code == "already_reversed"


async def test_reversals_at_once_never_exceed_the_payment(shop: Shop) -> None:
    order_id = await placed(shop, **paid(11000))
    [payment] = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"]
    body = {"reason": "charged back", "amount": 3000}
    path = f"payments/{payment['payment_id']}/reversals"
    answers = await asyncio.gather(*(act(shop.staff, order_id, path, body) for _ in range(6)))
    assert sorted(answer.code or "" for answer in answers) == ["", "", "", *["reversal_too_large"] * 3]
    assert (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["collected"]["amount"] == 2000


async def test_the_database_refuses_what_the_code_would_not_write(shop: Shop) -> None:
    """Without any lock: a closing above its difference, a reversal above what stands, or beginning with what no record left."""
    order_id = await placed(shop, at="confirmed", **paid(11000))
    [payment] = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"]
    ids = uuid_of("order", order_id), uuid_of("payment", payment["payment_id"])
    closing = """insert into closings (store_id, closing_id, order_id, order_version, kind, reason, amount, difference)
        values ({store}, gen_random_uuid(), $2, 2, 'kept', 'tip', """
    for figures in ("4, 3", "0, 3", "-1, 3"):
        with pytest.raises(asyncpg.CheckViolationError):
            await shop.rows("orders", f"{closing}{figures})", ids[0])
    reversal = """insert into payments (store_id, payment_id, order_id, order_version, amount, method, reference, reverses, stood,
        placed_at, occurred_at, recorded_at)
        values ({store}, gen_random_uuid(), $2, 3, AMOUNT, 'card', 'ch_1', $3, STOOD, now(), now(), now())"""
    wrong = {("-11001", "11000"): asyncpg.CheckViolationError, ("-1", "null"): asyncpg.CheckViolationError,
             ("-1", "10999"): asyncpg.ForeignKeyViolationError}  # fmt: skip
    for (amount, stood), error in wrong.items():
        with pytest.raises(error):
            await shop.rows("orders", reversal.replace("AMOUNT", amount).replace("STOOD", stood), *ids)
    path = f"payments/{payment['payment_id']}/reversals"
    (await act(shop.staff, order_id, path, {"reason": "charged back", "amount": 4000})).ok()
    with pytest.raises(asyncpg.UniqueViolationError):
        await shop.rows("orders", reversal.replace("AMOUNT", "-1").replace("STOOD", "11000"), *ids)
    for table in ("closings", "payments"):
        (await act(shop.platform, order_id, "closings", {"kind": "written_off", "amount": 1, "reason": "other"})).ok()
        with pytest.raises(asyncpg.CheckViolationError):
            await shop.rows("orders", f"update {table} set order_version = 9 where store_id = {{store}}")
