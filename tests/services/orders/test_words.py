"""Words as people write them, through the whole service: what is stored, and that the same word is the same thing."""

from tests.services.orders.test_changes import act, placed, unchanged
from tests.services.orders.test_placing import nothing_written
from tests.shop import Shop, order_p

NUMBERS = ("#1001", "Order 17", "=1+1", "S/২০২৬")


async def test_orders_are_placed_with_the_words_of_their_platforms(shop: Shop) -> None:
    for number in NUMBERS:
        body = order_p(number=number, language="bn_BD", customer={"id": "c-1", "name": "Rene\u0301", "email": ""})
        placed_one = (await shop.platform.post("/orders/v1/orders", json=body)).ok()
        shown = (await shop.staff.get(f"/orders/v1/orders/{placed_one['order_id']}")).ok()
        for order in (placed_one, shown):
            assert (order["number"], order["language"], order["address_problems"]) == (number, "bn-BD", [])
            assert (order["customer"]["name"], order["customer"]["email"]) == ("René", "")
    taken = await shop.platform.post("/orders/v1/orders", json=order_p(number=" #1001 "))
    assert taken.code == "number_taken"
    told = [event["data"]["order"]["number"] for event in await shop.events("orders") if event["type"] == "order.placed.v1"]
    assert sorted(told) == sorted(NUMBERS)


async def test_one_method_is_one_word_and_its_reference_counts_once(shop: Shop) -> None:
    order_id = await placed(shop)
    body = {"amount": 3000, "method": "Cash on delivery", "reference": "R-1"}
    first = (await act(shop.staff, order_id, "payments", body)).ok()
    assert [one["method"] for one in first["payments"]] == ["cash_on_delivery"]
    async with unchanged(shop, order_id):
        for method in ("CASH ON DELIVERY", "cash-on-delivery", "cash_on_delivery"):
            assert (await act(shop.staff, order_id, "payments", body | {"method": method})).ok()["payments"] == first["payments"]
            assert (await act(shop.staff, order_id, "payments", body | {"method": method, "amount": 1})).code == "payment_conflict"
        assert (await act(shop.staff, order_id, "payments", body | {"method": "💵"})).status == 422


async def test_prepaid_twice_by_the_same_method_is_refused(shop: Shop) -> None:
    payments = [{"amount": 1, "method": method, "reference": "R-1"} for method in ("bKash", "BKASH")]
    assert (await shop.platform.post("/orders/v1/orders", json=order_p(payments=payments))).code == "same_payment_twice"
    await nothing_written(shop)
