"""Issued on events, once each: product.md section 4 and the worked cases that concern documents, over the running service."""

import json
import random
from itertools import permutations
from typing import Any

import pytest

from shared.contracts.events import RefundLine, StoreSettingsChanged, UnitRange
from tests.services.documents.telling import NOON, STAFF, Life, Teller, issued, told
from tests.shop import Shop, eventually


async def test_an_invoice_at_first_sight_of_confirmed_and_never_again(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"))
    assert await issued(shop, life.order_id) == []
    for status in ("confirmed", "picked_up", "shipped", "delivered"):
        await teller.tell(shop, life.step(status))
        assert await issued(shop, life.order_id) == [("invoice", "1", "110.00")]


async def test_case_6_delivered_before_confirmed(shop: Shop, life: Life, teller: Teller) -> None:
    """The copy stays at the newer version; the invoice is issued when that is seen; the older one changes nothing."""
    steps = [life.step(status) for status in ("pending", "confirmed", "picked_up", "shipped", "delivered")]
    await teller.tell(shop, steps[4])
    assert await issued(shop, life.order_id) == [("invoice", "1", "110.00")]
    await teller.tell(shop, steps[1], steps[0])
    assert await issued(shop, life.order_id) == [("invoice", "1", "110.00")]
    [copy] = await shop.rows("documents", "select version from orders where store_id = {store}")
    assert copy["version"] == 5


async def test_case_7_shipped_directly(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("shipped"))
    assert await issued(shop, life.order_id) == [("invoice", "1", "110.00")]


async def test_case_8_unpaid_cancelled_after_pickup(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("picked_up"), life.step("cancelled"), life.refund(0, cause="cancellation"))
    assert await issued(shop, life.order_id) == [("invoice", "1", "110.00"), ("credit_note", "1", "110.00")]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kept", [1000, 0])
async def test_case_9_cancelled_when_shipped_then_paid(shop: Shop, life: Life, teller: Teller, kept: int, late: bool) -> None:
    first = [life.step("pending"), life.pay(3000), life.step("shipped"), life.step("cancelled")]
    first.append(life.refund(3000 - kept, cause="cancellation", shipping_kept=kept))
    second = [life.pay(8000), life.refund(8000, cause="payment")]
    told_as = [second[1], first[4], second[0]] if late else [*first, *second]  # late: the refunds first, and one copy at last
    await teller.tell(shop, *told_as)
    expected = [("invoice", "1", "110.00"), ("receipt", "1", "30.00"), ("receipt", "2", "80.00"), ("credit_note", "1", "110.00")]
    expected += [("invoice", "2", "10.00")] if kept else []
    assert sorted(await issued(shop, life.order_id)) == sorted(expected)


async def test_case_10_cancelled_when_pending_then_paid(shop: Shop, life: Life, teller: Teller) -> None:
    steps = [life.step("pending"), life.step("cancelled"), life.pay(11000)]
    refund = life.refund(11000, cause="payment")
    await teller.tell(shop, steps[0], steps[1], refund)
    assert await issued(shop, life.order_id) == []  # decided on a version that we have not seen: it stays due
    await teller.tell(shop, steps[2])
    assert await issued(shop, life.order_id) == [("receipt", "1", "110.00"), ("refund_receipt", "1", "110.00")]


async def test_a_refund_known_before_anything_of_its_order(shop: Shop, life: Life, teller: Teller) -> None:
    for status in ("pending", "delivered"):
        delivered = life.step(status)
    await teller.tell(shop, life.refund(5500, goods=5000, shipping=500))
    await teller.tell(shop, delivered)
    assert await issued(shop, life.order_id) == [("invoice", "1", "110.00"), ("credit_note", "1", "55.00")]


async def test_a_reversal_gets_a_cancelling_receipt_that_names_the_first(shop: Shop, life: Life, teller: Teller) -> None:
    paid = [life.step("pending"), life.pay(11000)]
    await teller.tell(shop, *paid, life.reverse(life.payments[0].payment_id))
    items = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    assert [one["kind"] for one in items] == ["receipt", "cancelling_receipt"]
    assert items[1]["refers_to"] == items[0]["document_id"]


async def test_each_part_of_a_reversal_has_a_cancelling_receipt_of_its_own(shop: Shop, life: Life, teller: Teller) -> None:
    """Case 37: 40.00 charged back, then the rest."""
    await teller.tell(shop, life.step("pending"), life.pay(11000))
    first = life.payments[0].payment_id
    await teller.tell(shop, life.reverse(first, 4000), life.reverse(first, 7000))
    assert await issued(shop, life.order_id) == [
        ("receipt", "1", "110.00"), ("cancelling_receipt", "1", "40.00"), ("cancelling_receipt", "2", "70.00"),
    ]  # fmt: skip
    items = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    assert [one["refers_to"] for one in items[1:]] == [items[0]["document_id"]] * 2
    rows = await shop.rows("documents", "select data from documents where store_id = {store} order by document_id")
    said = [json.loads(row["data"]) for row in rows]
    assert [(one["paid"], one["balance"]) for one in said] == [(11000, 0), (7000, 4000), (0, 11000)]


async def test_a_credit_note_names_its_invoice_and_carries_the_units_tax(shop: Shop, life: Life, teller: Teller) -> None:
    line = life.order().lines[0].model_copy(update={"tax": 1305})
    life.facts = {"lines": (line,), "shipping_tax": 131, "tax_total": 1436}
    await teller.tell(shop, life.step("pending"), life.step("delivered"))
    for unit, shipping in ((1, 500), (2, 500)):
        units = (UnitRange(first=unit, last=unit),)
        part = RefundLine(line=1, sku="TEE-1", quantity=1, units=units, goods=5000, shipping=shipping, disposition="discard")
        await teller.tell(shop, life.refund(5000 + shipping, goods=5000, shipping=shipping, lines=(part,)))
    rows = await shop.rows("documents", "select kind, data::jsonb->>'tax' tax from documents where store_id = {store} order by document_id")
    assert [(row["kind"], int(row["tax"])) for row in rows] == [("invoice", 1436), ("credit_note", 719), ("credit_note", 717)]
    items = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    assert {one["refers_to"] for one in items[1:]} == {items[0]["document_id"]}


async def test_each_is_told_once_and_in_sequence(shop: Shop, life: Life, teller: Teller) -> None:
    steps = [life.step("pending"), life.pay(11000), life.step("confirmed"), life.step("cancelled")]
    await teller.tell(shop, *steps)
    await teller.send(*steps, *steps)
    events = await shop.events("documents", life.order_id)
    assert [(one["type"], one["sequence"], one["data"]["kind"]) for one in events] == [
        ("document.issued.v1", 1, "receipt"),
        ("document.issued.v1", 2, "invoice"),
        ("document.issued.v1", 3, "credit_note"),
    ]
    items = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    assert [(one["document_id"], one["sha256"]) for one in items] == [(one["data"]["document_id"], one["data"]["sha256"]) for one in events]


async def test_case_15_three_times_and_shuffled_gives_the_same_documents(shop: Shop, life: Life, teller: Teller) -> None:
    history = [life.step("pending"), life.pay(3000), life.step("shipped"), life.step("cancelled")]
    history += [life.refund(2000, cause="cancellation", shipping_kept=1000), life.pay(8000), life.refund(8000, cause="payment")]
    deliveries = history * 3
    random.Random(7).shuffle(deliveries)
    await teller.send(*deliveries)
    await teller.taken(shop, *history)
    expected = {("invoice", "110.00"), ("receipt", "30.00"), ("receipt", "80.00"), ("credit_note", "110.00"), ("invoice", "10.00")}

    async def all_there() -> bool:
        return {(kind, total) for kind, _, total in await issued(shop, life.order_id)} == expected

    await eventually(all_there)
    assert len(await issued(shop, life.order_id)) == len(expected)


async def test_case_29_cancelled_first_and_the_credit_notes_never_exceed_the_invoice(shop: Shop, life: Life, teller: Teller) -> None:
    history = [life.step("pending"), life.pay(11000), life.step("confirmed"), life.cancel_in_part()]
    of_part: dict[str, Any] = {"cause": "part_cancellation", "part_cancellation_id": life.parts[0].part_cancellation_id, "credit": 5500}
    history.append(life.refund(5500, goods=5000, shipping=500, **of_part))
    cancelled = life.step("cancelled")
    await teller.tell(shop, cancelled)
    assert [one for one in await issued(shop, life.order_id) if one[0] == "credit_note"] == []  # the part's credit is not known yet
    history.append(life.refund(5500, cause="cancellation", credit=5500, goods=5000, shipping=500))
    deliveries = [*history, cancelled] * 2
    random.Random(29).shuffle(deliveries)
    await teller.send(*deliveries)
    await teller.taken(shop, *history)
    documents = [(kind, total) for kind, _, total in await issued(shop, life.order_id)]
    assert sorted(documents) == [("credit_note", "55.00"), ("credit_note", "55.00"), ("invoice", "110.00"), ("receipt", "110.00")]


async def test_case_53_an_imported_order_in_any_order_of_arrival(shop: Shop, life: Life, teller: Teller) -> None:
    """Refunded before its invoice is known, after it, and after a second: a receipt, and two notes about the newest of then."""
    history = [life.come("delivered", 11000), life.refund(2000, goods=2000, cause="history")]
    history += [life.refund(3000, goods=3000), life.name_invoice("F-1"), life.refund(2500, goods=2500)]
    history += [life.name_invoice("F-2"), life.refund(1500, goods=1500), life.pay(100)]
    deliveries = history * 3
    random.Random(53).shuffle(deliveries)
    await teller.send(*deliveries)
    await teller.taken(shop, *history)
    items = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}")).ok()["items"]
    said = [(one["kind"], one["total"]["decimal"], (one["refers_to_external"] or {}).get("number")) for one in items]
    expected = [
        ("receipt", "1.00", None),
        ("refund_receipt", "30.00", None),
        ("credit_note", "25.00", "F-1"),
        ("credit_note", "15.00", "F-2"),
    ]
    assert sorted(said) == sorted(expected)
    assert {one["refers_to"] for one in items} == {None}


async def test_case_51_seen_late_and_at_once(shop: Shop, life: Life, teller: Teller) -> None:
    placed, before = life.come("cancelled", 3000), life.refund(2000, goods=2000, cause="history")
    paid, back = life.pay(8000), life.refund(8000, goods=8000, cause="payment")
    await teller.tell(shop, back, before, paid, placed)
    assert await issued(shop, life.order_id) == [("receipt", "1", "80.00"), ("refund_receipt", "1", "80.00")]


async def test_dated_in_the_stores_time_zone(shop: Shop, life: Life, teller: Teller) -> None:
    changed = StoreSettingsChanged(occurred_at=NOON, version=3, time_zone="Pacific/Kiritimati", by=STAFF)
    stale = StoreSettingsChanged(occurred_at=NOON, version=2, time_zone="Asia/Dhaka", by=STAFF)
    await teller.tell(shop, told(shop.store, "orders", changed, 3), told(shop.store, "orders", stale, 2))
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [row] = await shop.rows(
        "documents",
        "select issued_on, (issued_at at time zone 'Pacific/Kiritimati')::date as there, year from documents where store_id = {store}",
    )
    assert (row["issued_on"], row["year"]) == (row["there"], row["there"].year)


async def test_what_was_issued_cannot_be_changed_or_deleted(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    for sql in ("update documents set total = 1 where store_id = {store}", "delete from documents where store_id = {store}"):
        with pytest.raises(Exception, match="an issued document is never changed or deleted"):
            await shop.rows("documents", sql)


@pytest.mark.parametrize("turn", list(permutations(range(4))), ids=lambda turn: "".join(map(str, turn)))
async def test_case_39_the_receipt_is_of_the_lines_that_were_paid(shop: Shop, life: Life, teller: Teller, turn: tuple[int, ...]) -> None:
    """Paid at version 2, amended at 3, confirmed at 4; whatever arrives first, the receipt says 110.00 and the invoice 60.00."""
    events = [life.step("pending"), life.pay(11000)]
    one_less = life.order().lines[0].model_copy(update={"quantity": 1, "subtotal": 5000, "total": 5000})
    amended = life.amend(lines=(one_less,), goods_total=5000, total=6000, lines_version=2)
    life.facts["confirmed_version"] = 4
    events += [amended, life.step("confirmed")]
    await teller.tell(shop, *(events[at] for at in turn))
    assert sorted(await issued(shop, life.order_id)) == [("invoice", "1", "60.00"), ("receipt", "1", "110.00")]
    items = {one["kind"]: one for one in (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]}
    said = {}
    for kind, one in items.items():
        [row] = await shop.rows("documents", "select data from documents where store_id = {store} and number = $2", one["number"])
        said[kind] = json.loads(row["data"])
    assert (said["receipt"]["paid"], said["receipt"]["balance"], said["receipt"]["lines"][0]["quantity"]) == (11000, 0, 2)
    assert (said["invoice"]["paid"], said["invoice"]["balance"], said["invoice"]["lines"][0]["quantity"]) == (11000, 0, 1)


async def test_a_reversal_waits_for_the_receipt_that_it_cancels(shop: Shop, life: Life, teller: Teller) -> None:
    placed, paid = life.step("pending"), life.pay(11000)
    one_less = life.order().lines[0].model_copy(update={"quantity": 1, "subtotal": 5000, "total": 5000})
    amended = life.amend(lines=(one_less,), goods_total=5000, total=6000, lines_version=2)
    back = life.reverse(life.payments[0].payment_id)
    await teller.tell(shop, placed, amended, back)
    assert await issued(shop, life.order_id) == []
    await teller.tell(shop, paid)
    assert await issued(shop, life.order_id) == [("receipt", "1", "110.00"), ("cancelling_receipt", "1", "110.00")]
