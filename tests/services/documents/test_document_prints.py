"""Print buttons work on every order, for the shop and for the customer whose it is, and for nobody else."""

import pytest

from shared.contracts.events import OrderPersonal, PersonalLine, TaxRegistration
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


async def test_what_was_written_off_or_kept_is_printed_by_name(shop: Shop, life: Life, teller: Teller) -> None:
    """The receipt that was issued stays as it is: it says what was still to pay then."""
    await teller.tell(shop, life.step("pending"), life.step("confirmed"), life.pay(10997))
    documents = f"/documents/v1/documents/orders/{life.order_id}"
    invoice, receipt = (await shop.staff.get(documents))["items"]
    bytes_of = f"/documents/v1/documents/{receipt['document_id']}/pdf"
    before = (await shop.staff.get(bytes_of)).content
    await teller.tell(shop, life.close("written_off", 3, "rounding"))
    for caller in (shop.staff, shop.customer("c-1")):
        printed = (await caller.get(path(life, "receipt"))).content
        assert missing_from(printed, ["Order receipt", "PAID", "109.97", "Written off: rounding", "0.03", "Still to pay"]) == []
    page = (await shop.staff.get(path(life, "receipt", "html"))).content.decode()
    assert "<dt>Written off: rounding</dt><dd>0.03</dd>" in page
    assert "<dt>Still to pay</dt><dd>0.00</dd>" in page
    assert (await shop.staff.get(documents))["items"] == [invoice, receipt]
    assert (await shop.staff.get(bytes_of)).content == before
    life.facts = {"language": "bn"}
    await teller.tell(shop, life.pay(500), life.close("kept", 497, "tip"))
    page = (await shop.staff.get(path(life, "receipt", "html"))).content.decode()
    assert "<dt>ছাড় দেওয়া হয়েছে: খুচরা সমন্বয়</dt><dd>০.০৩</dd>" in page
    assert "<dt>রাখা হয়েছে: বকশিশ</dt><dd>৪.৯৭</dd>" in page


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


async def test_an_invoice_says_where_the_goods_go_as_the_order_was_confirmed(shop: Shop, life: Life, teller: Teller) -> None:
    """Also where the address was corrected before documents saw the order; what is issued stays, whatever the settings say later."""
    settings = "/documents/v1/documents-settings"
    (await shop.staff.put(settings, json={"print_delivery_place": True}, headers={"If-Match": '"v0"'})).ok()
    assert (await shop.staff.get(settings)).ok()["print_delivery_place"] is True
    moved = SHIPPING.model_copy(update={"street_address": "New Lane 77"})
    await teller.tell(shop, life.step("pending"))
    draft = (await shop.staff.get(path(life, "invoice"))).content
    assert missing_from(draft, ["Place of delivery", "Lane 9", "Sylhet"]) == []
    life.step("confirmed")
    life.personal = life.personal.model_copy(update={"invoiced_address": SHIPPING, "shipping_address": moved})
    await teller.tell(shop, life.step("picked_up"))
    printed = (await shop.staff.get(path(life, "invoice"))).content
    assert missing_from(printed, ["Place of delivery", "Karim Begum, Lane 9", "3100 Sylhet", BILLING.street_address]) == []
    assert missing_from(printed, ["New Lane 77"]) == ["New Lane 77"]
    page = (await shop.staff.get(path(life, "invoice", "html"))).content.decode()
    assert "Karim Begum, Lane 9, 3100 Sylhet, Bangladesh" in page
    (await shop.staff.put(settings, json={}, headers={"If-Match": '"v1"'})).ok()
    assert (await shop.staff.get(path(life, "invoice"))).content == printed
    another = Life(shop.store)
    await teller.tell(shop, another.step("pending"), another.step("confirmed"))
    without = (await shop.staff.get(path(another, "invoice"))).content
    assert missing_from(without, ["Place of delivery", "Lane 9"]) == ["Place of delivery", "Lane 9"]


async def test_a_packing_slip_has_the_address_as_it_is_now_and_no_price_but_what_is_due(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    moved = SHIPPING.model_copy(update={"street_address": "New Lane 77"})
    await teller.tell(shop, life.edit(shipping_address=moved))
    slip = (await shop.staff.get(path(life, "packing-slip"))).content
    assert missing_from(slip, ["Packing slip", "New Lane 77", "T-shirt"]) == []
    assert missing_from(slip, ["100.00", "50.00", "Lane 9"]) == ["100.00", "50.00", "Lane 9"]


async def test_a_slip_says_what_is_to_be_collected_when_it_is_printed(shop: Shop, life: Life, teller: Teller) -> None:
    async def slip() -> bytes:
        return (await shop.staff.get(path(life, "packing-slip"))).content

    await teller.tell(shop, life.step("pending"), life.step("confirmed"), life.pay(6000))
    assert missing_from(await slip(), ["Cash to collect: BDT 50.00"]) == []
    assert "Cash to collect: BDT\u00a050.00" in (await shop.staff.get(path(life, "packing-slip", "html"))).content.decode()
    settings = "/documents/v1/documents-settings"
    assert (await shop.staff.get(settings)).ok()["slip_shows_due"] is True
    saved = (await shop.staff.put(settings, json={"slip_shows_due": False}, headers={"If-Match": '"v0"'})).ok()
    assert (saved["slip_shows_due"], (await shop.staff.get(settings))["slip_shows_due"]) == (False, False)
    assert missing_from(await slip(), ["Cash", "collect", "50.00"]) == ["Cash", "collect", "50.00"]
    (await shop.staff.put(settings, json={}, headers={"If-Match": '"v1"'})).ok()
    assert [one["slip_shows_due"] for one in (await shop.staff.get(f"{settings}/history"))["items"]] == [True, False]
    await teller.tell(shop, life.pay(5000))
    assert missing_from(await slip(), ["Paid, collect nothing"]) == []
    assert missing_from(await slip(), ["Cash to collect"]) == ["Cash to collect"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"fulfilment": "pickup", "language": "en"}, ["Collection slip", "Collected by", "Cash to collect: BDT 110.00"]),
        ({"fulfilment": "pickup", "language": "bn"}, ["সংগ্রহ স্লিপ", "সংগ্রহকারী", "নগদ আদায় করতে হবে: ৳ ১১০.০০"]),
        ({"fulfilment": "digital", "language": "en"}, ["Digital delivery", "Nothing is shipped: the order is made available digitally."]),
        ({"fulfilment": "digital", "language": "bn"}, ["ডিজিটাল সরবরাহ", "কিছুই পাঠানো হবে না: অর্ডারটি ডিজিটালভাবে দেওয়া হয়।"]),
    ],
)
async def test_what_is_not_shipped_has_a_slip_without_an_address(
    shop: Shop, life: Life, teller: Teller, facts: dict[str, str], said: list[str]
) -> None:
    life.facts |= facts
    life.personal = life.personal.model_copy(
        update={"customer_note": "Ring twice", "lines": (PersonalLine(line=1, personalisation="For Karim"),)}
    )
    await teller.tell(shop, life.step("pending"))
    pdf = (await shop.staff.get(path(life, "packing-slip"))).content
    assert missing_from(pdf, [*said, "Rahima Begum", "+8801712345678", "T-shirt", "For Karim", "Ring twice"]) == []
    absent = [SHIPPING.street_address, BILLING.street_address, "Dhaka", "Sylhet"]
    assert missing_from(pdf, absent) == absent


async def test_an_invoice_without_a_billing_address_names_the_buyer(shop: Shop, life: Life, teller: Teller) -> None:
    life.facts |= {"fulfilment": "digital"}
    life.personal = OrderPersonal(
        customer_name="Rahima Begum", company="Shapla Ltd", tax_numbers=(TaxRegistration(label="BIN", number="000123456-0101"),)
    )
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    printed = (await shop.staff.get(path(life, "invoice"))).content
    assert missing_from(printed, ["Invoice", "INV-", "Bill to", "Rahima Begum", "Shapla Ltd", "BIN 000123456-0101"]) == []


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
