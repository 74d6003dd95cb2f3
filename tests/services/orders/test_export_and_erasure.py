"""Exports that are safe to open, and a customer who is forgotten."""

import csv
import io
import json

from tests.services.orders.test_changes import CANCEL, act, placed
from tests.shop import Shop, order_p

CANARY = "Zyx-Canary"


async def test_csv_and_json_lines(shop: Shop) -> None:
    await placed(shop)
    formula = {"id": "c-2", "name": "=HYPERLINK(1)", "email": "x@example.com"}
    order_id = await placed(shop, customer=formula, currency="JPY")
    answer = (await shop.staff.get("/orders/v1/orders/export")).ok()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["number"], row["customer_name"], row["total"], row["currency"]) for row in rows] == [
        ("1002", "'=HYPERLINK(1)", "11000", "JPY"), ("1001", "Rahima Begum", "110.00", "BDT"),
    ]  # fmt: skip
    lines = (await shop.staff.get("/orders/v1/orders/export?format=jsonl&currency=JPY")).ok().content.splitlines()
    assert [json.loads(line)["order_id"] for line in lines] == [order_id]
    mine = (await shop.customer().get("/orders/v1/orders/export?format=jsonl")).ok().content.splitlines()
    assert [json.loads(line)["customer"]["id"] for line in mine] == ["c-1"]
    assert (await shop.staff.get("/orders/v1/orders/export?format=xls")).status == 422


async def test_an_erased_customer_leaves_amounts_and_nothing_personal(shop: Shop) -> None:
    address = {"country_code": "BD", "name": CANARY, "street_address": CANARY, "city": "Dhaka"}
    person = {"id": "c-9", "name": CANARY, "email": f"{CANARY}@example.com", "phone": "+8801712345678"}
    order_id = await placed(shop, customer=person, shipping_address=address, metadata={"gift": CANARY})
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed", "message": CANARY})).ok()
    (await act(shop.customer("c-9"), order_id, "cancel", {"reason": CANARY, "message": CANARY})).ok()
    other = await placed(shop)
    assert (await shop.customer("c-9").delete("/orders/v1/customers/c-9")).code == "shop_only"

    assert (await shop.platform.delete("/orders/v1/customers/c-9")).ok()["orders"] == 1
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    assert (shown["customer"], shown["shipping_address"], shown["total"]["amount"], shown["version"]) == (
        {"id": "c-9", "name": "", "email": "", "phone": "", "company": "", "tax_numbers": [], "buyer_reference": ""}, None, 11000, 4,
    )  # fmt: skip
    for table in ("orders", "lines", "payments", "changes", "events", "idempotency"):
        kept = await shop.rows("orders", f"select to_jsonb(t)::text as text from {table} t where store_id = {{store}}")
        assert [row for row in kept if CANARY in row["text"]] == [], table
    [told] = await shop.events("orders", "customer:c-9")
    assert (told["type"], told["data"]["order_ids"], told["sequence"]) == ("customer.erased.v1", [order_id], 1)
    assert (await shop.staff.get(f"/orders/v1/orders/{other}")).ok()["customer"]["name"] == "Rahima Begum"
    assert (await shop.platform.delete("/orders/v1/customers/c-9")).ok()["orders"] == 1  # again is harmless
    assert (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["version"] == 4
    assert (await act(shop.staff, order_id, "cancel", CANCEL)).code == "already_cancelled"
    assert (await shop.platform.post("/orders/v1/orders", json=order_p())).status == 201
