"""Print buttons work on every order, for the shop and for the customer whose it is, and for nobody else."""

import pytest

from tests.services.documents.pdftext import missing_from, text_of
from tests.services.documents.telling import BILLING, SHIPPING, Life, Teller
from tests.shop import Shop

BUTTONS = ("receipt", "invoice", "packing-slip")


def path(life: Life, button: str, form: str = "pdf") -> str:
    return f"/documents/v1/prints/{life.order_id}/{button}?format={form}"


@pytest.mark.parametrize("steps", [[], ["confirmed"], ["shipped", "delivered"], ["cancelled"], ["confirmed", "cancelled"]])
async def test_every_button_prints_on_every_order(shop: Shop, life: Life, teller: Teller, steps: list[str]) -> None:
    await teller.tell(shop, life.step("pending"), *[life.step(step) for step in steps])
    for button in BUTTONS:
        pdf = await shop.staff.get(path(life, button))
        assert (pdf.ok().headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
        page = await shop.customer("c-1").get(path(life, button, "html"))
        assert page.ok().headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "1001" in page.content.decode()


async def test_an_unpaid_order_prints_a_receipt_marked_unpaid(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"))
    pdf = (await shop.staff.get(path(life, "receipt"))).content
    assert (
        missing_from(pdf, ["Order receipt", "UNPAID", "T-shirt", "BDT 110.00", "Still to pay", "This print is not a numbered document."])
        == []
    )
    assert "RCT-" not in text_of(pdf)


async def test_several_payments_are_listed_the_last_first(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.pay(3000), life.pay(8000, method="card"))
    text = text_of((await shop.staff.get(path(life, "receipt"))).content)
    assert text.index("80.00") < text.index("30.00")
    assert text.index("RCT-") < text.rindex("RCT-")
    assert "PAID" in text
    assert "UNPAID" not in text


async def test_one_whole_payment_prints_its_own_receipt(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.pay(11000))
    [receipt] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    printed = (await shop.staff.get(path(life, "receipt"))).content
    assert printed == (await shop.staff.get(f"/documents/v1/documents/{receipt['document_id']}/pdf")).content
    assert missing_from(printed, [receipt["number"], "Cash on delivery", "BDT 110.00"]) == []


async def test_a_pending_order_prints_a_draft_invoice_and_a_confirmed_one_its_invoice(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"))
    draft = (await shop.staff.get(path(life, "invoice"))).content
    assert missing_from(draft, ["Draft invoice", "DRAFT", BILLING.street_address, "110.00"]) == []
    assert "INV-" not in text_of(draft)
    await teller.tell(shop, life.step("confirmed"))
    [invoice] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    printed = (await shop.staff.get(path(life, "invoice"))).content
    assert missing_from(printed, [invoice["number"], BILLING.street_address]) == []
    assert missing_from(printed, [SHIPPING.street_address]) == [SHIPPING.street_address]


async def test_a_packing_slip_has_the_address_as_it_is_now_and_no_price(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    moved = SHIPPING.model_copy(update={"street_address": "New Lane 77"})
    await teller.tell(shop, life.edit(shipping_address=moved))
    slip = (await shop.staff.get(path(life, "packing-slip"))).content
    assert missing_from(slip, ["Packing slip", "New Lane 77", "T-shirt"]) == []
    assert missing_from(slip, ["100.00", "110.00", "Lane 9"]) == ["100.00", "110.00", "Lane 9"]


async def test_nobody_elses_order_prints(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    strangers = [
        shop.customer("c-2"),
        shop.caller("staff", "s", store="store-other"),
        shop.caller("guest", "order_00000000000000000000000000"),
    ]
    [invoice] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    for stranger in strangers:
        for button in BUTTONS:
            assert (await stranger.get(path(life, button))).code == "order_not_here_yet"
        assert (await stranger.get(f"/documents/v1/documents/orders/{life.order_id}")).code == "order_not_here_yet"
        for room in ("", "/pdf", "/verify"):
            assert (await stranger.get(f"/documents/v1/documents/{invoice['document_id']}{room}")).code == "not_found"
    guest = shop.caller("guest", life.order_id)
    assert (await guest.get(path(life, "invoice"))).ok().content[:5] == b"%PDF-"
    assert (await shop.staff.get(f"/documents/v1/prints/{life.order_id}/poster")).status == 422


async def test_an_order_that_nobody_told_us_of(shop: Shop, life: Life) -> None:
    for button in BUTTONS:
        assert (await shop.staff.get(path(life, button))).code == "order_not_here_yet"
