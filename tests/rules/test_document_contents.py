"""What documents say: amounts, taxes and words, by tables and properties."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.documents.rendering.catalogues import catalogue, languages
from services.documents.rendering.present import address_lines, view_of
from services.documents.rendering.words import amount, day, money, paragraphs, printable
from services.documents.rules.compose import Addressee, Background, Issue, addressee_of, compose, delivery_place
from services.documents.rules.contents import canonical, language_of, sha256_of
from services.documents.rules.due import Due
from services.documents.rules.prints import Desk, draft_invoice, issued_for, order_receipt, slip
from services.documents.rules.sample import sample
from services.documents.rules.series import document_number, issuing_day
from services.documents.rules.settings import may_name_series
from services.documents.state import Contents, DocumentReference, Letterhead, PrintKind, Seller
from shared.contracts.events import (
    Address,
    DocumentKind,
    Option,
    Order,
    OrderLine,
    OrderPersonal,
    Payment,
    PersonalLine,
    Refund,
    RefundLine,
    TaxRegistration,
    UnitRange,
)
from shared.contracts.ids import new_id
from shared.contracts.money import share

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BILLING = Address(country_code="BD", name="Rahima", street_address="House 1", city="Dhaka", postal_code="1205")
SHIPPING = Address(country_code="BD", name="Karim", street_address="Lane 9", city="Sylhet")
ISSUE = Issue(new_id("document"), "INV-2026-000001", date(2026, 11, 22), "UTC", Letterhead(version=3, seller=Seller(name="Nakshi")), NOON)
TO = Addressee(BILLING)
DESK = Desk(ISSUE.letterhead, ISSUE.day, "UTC")


def order(**changes: Any) -> Order:
    """Three units = 100, with 13 tax in them; shipping 10 with 1 tax."""
    facts: dict[str, Any] = {
        "order_id": new_id("order"), "number": "1001", "version": 2, "status": "confirmed", "currency": "BDT", "customer_id": "c-1",
        "lines": (OrderLine(line=1, sku="A", name="Tea", quantity=3, unit_price=34, subtotal=102, discount=2, tax=13, total=100),),
        "goods_total": 100, "shipping": 10, "shipping_tax": 1, "total": 110, "payment": "unpaid", "placed_at": NOON,
    }  # fmt: skip
    return Order(**(facts | changes))


def refund(of: Order, unit: int, shipping: int) -> Refund:
    goods = (33, 34, 33)[unit - 1]
    units = (UnitRange(first=unit, last=unit),)
    line = RefundLine(line=1, sku="A", quantity=1, units=units, goods=goods, shipping=shipping, disposition="discard")
    facts: dict[str, Any] = {"cause": "request", "status": "approved", "settlement": "unsettled"}
    return Refund(
        refund_id=new_id("refund"), order_id=of.order_id, order_number="1001", customer_id="c-1", version=2, order_version=2,
        policy_version=0, reason="", currency="BDT", amount=goods + shipping, credit=goods + shipping, goods=goods, shipping=shipping,
        lines=(line,),
        requested_at=NOON, **facts,
    )  # fmt: skip


def test_an_invoice_says_the_whole_order() -> None:
    one = order()
    said = compose(Due("invoice", "order", one.order_id, 110), one, Background(TO), ISSUE)
    assert (said.kind, said.number, said.total, said.goods, said.shipping, said.tax, said.discount) == (
        "invoice",
        ISSUE.number,
        110,
        100,
        10,
        14,
        2,
    )
    assert (said.address, said.seller.name, said.letterhead_version) == (BILLING, "Nakshi", 3)
    assert [(line.quantity, line.unit_price, line.amount) for line in said.lines] == [(3, 34, 100)]


@pytest.mark.parametrize("turn", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_credit_notes_in_any_order_add_up_to_the_invoice(turn: tuple[int, ...]) -> None:
    one = order()
    refunds = [refund(one, unit, shipping) for unit, shipping in zip(turn, (3, 4, 3), strict=True)]
    before, notes = 0, []
    for each in refunds:
        background = Background(TO, tuple(refunds), shipping_before=before)
        notes.append(compose(Due("credit_note", "refund", each.refund_id, each.amount), one, background, ISSUE))
        before += each.shipping
    assert sum(note.total for note in notes) == 110
    assert sum(note.tax for note in notes) == 14
    assert sum(note.goods for note in notes) == 100


def test_kept_shipping_is_invoiced_with_its_tax() -> None:
    one = order()
    kept = refund(one, 1, 0)
    said = compose(Due("invoice", "shipping_kept", kept.refund_id, 10), one, Background(TO, (kept,)), ISSUE)
    assert (said.total, said.shipping, said.tax, said.lines) == (10, 10, 1, ())


def test_a_receipt_counts_up_to_its_own_payment() -> None:
    payments = tuple(
        Payment(
            payment_id=new_id("payment"),
            amount=value,
            method="cod",
            reference=str(value),
            order_version=version,
            occurred_at=NOON,
            recorded_at=NOON,
        )
        for version, value in ((3, 30), (4, 80))
    )
    one = order(payments=payments, collected=110, payment="paid")
    said = [compose(Due("receipt", "payment", each.payment_id, each.amount), one, Background(TO), ISSUE) for each in payments]
    assert [(receipt.total, receipt.paid, receipt.balance) for receipt in said] == [(30, 30, 80), (80, 110, 0)]
    assert {receipt.address for receipt in said} == {None}  # nothing that could still be edited


@given(amount=st.integers(0, 10**9), parts=st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_shares_add_up_exactly(amount: int, parts: list[int]) -> None:
    whole, before, total = sum(parts), 0, 0
    for part in parts:
        total += share(amount, whole, before, part)
        before += part
    assert total == (amount if whole else 0)


def test_the_hash_is_of_the_canonical_bytes() -> None:
    said = compose(Due("invoice", "order", "x", 110), order(), Background(TO), ISSUE)
    text = canonical(said)
    assert canonical(Contents.model_validate_json(text)) == text
    assert sha256_of(text) != sha256_of(canonical(said.model_copy(update={"total": 111})))


@pytest.mark.parametrize(
    ("minor", "currency", "language", "text"),
    [
        (12345678, "BDT", "en", "123,456.78"),
        (12345678, "BDT", "bn", "১,২৩,৪৫৬.৭৮"),
        (1234567890, "BDT", "bn", "১,২৩,৪৫,৬৭৮.৯০"),
        (5, "BDT", "en", "0.05"),
        (-5, "BDT", "en", "−0.05"),
        (1234, "JPY", "en", "1,234"),
        (1234, "KWD", "en", "1.234"),
        (0, "EUR", "bn", "০.০০"),
        (10**15, "EUR", "en", "10,000,000,000,000.00"),
    ],
)
def test_amounts(minor: int, currency: str, language: str, text: str) -> None:
    assert amount(minor, currency, language) == text


def test_money_and_days_in_each_language() -> None:
    assert (money(11000, "BDT", "en"), money(11000, "BDT", "bn"), money(100, "EUR", "en")) == (
        "BDT\u00a0110.00",
        "৳\u00a0১১০.০০",
        "€\u00a01.00",
    )
    assert (day(date(2026, 2, 3), "en"), day(date(2026, 2, 3), "bn")) == ("3 February 2026", "৩ ফেব্রুয়ারী, ২০২৬")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc\r\nd", "a b c d"),
        ("safe\u202etxt.exe", "safe�txt.exe"),
        ("nul\x00bell\x07", "nul�bell�"),
        ("ক্\u200dষ", "ক্\u200dষ"),
        ("x" * 3000, "x" * 2000 + "…"),
    ],
)
def test_what_can_be_printed_and_what_is_shown_for_the_rest(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_paragraphs_and_addresses() -> None:
    assert paragraphs("one\r\n\n  two \n") == ["one", "two"]
    assert address_lines(BILLING, "en") == ["Rahima", "House 1", "1205 Dhaka", "Bangladesh"]
    assert address_lines(BILLING, "bn")[-1] == "বাংলাদেশ"


@pytest.mark.parametrize(
    ("ordered", "setting", "language"),
    [
        ("en", "auto", "en"),
        ("bn", "auto", "bn"),
        ("bn-BD", "auto", "bn"),
        ("nl", "auto", "en"),
        ("fr-CA", "auto", "fr"),
        ("en", "bn", "bn"),
        ("bn", "en", "en"),
    ],
)
def test_the_language_of_a_document(ordered: str, setting: str, language: str) -> None:
    assert language_of(ordered, setting) == language


@pytest.mark.parametrize(
    ("now", "time_zone", "expected"),
    [
        (datetime(2026, 12, 31, 20, tzinfo=UTC), "Asia/Dhaka", date(2027, 1, 1)),
        (datetime(2026, 12, 31, 20, tzinfo=UTC), "UTC", date(2026, 12, 31)),
        (datetime(2027, 1, 1, 3, tzinfo=UTC), "America/New_York", date(2026, 12, 31)),
    ],
)
def test_the_day_is_the_stores(now: datetime, time_zone: str, expected: date) -> None:
    assert issuing_day(now, time_zone) == expected


def test_numbers() -> None:
    assert document_number("INV", 2026, 42) == "INV-2026-000042"
    assert document_number("INV", 2026, 1_234_567) == "INV-2026-1234567"


def test_names_of_series() -> None:
    assert may_name_series({"invoice": "A", "receipt": "B"}, [("invoice", "A"), ("invoice", "OLD")]).allowed
    assert may_name_series({"invoice": "A", "receipt": "A"}, []).code == "prefix_taken"
    assert may_name_series({"invoice": "B", "receipt": "C"}, [("receipt", "B")]).code == "prefix_taken"


@pytest.mark.parametrize(
    ("payments", "collected", "mark", "balance"), [((), 0, "unpaid", 110), ((30,), 30, "part_paid", 80), ((30, 80), 110, "paid", 0)]
)
def test_order_receipts(payments: tuple[int, ...], collected: int, mark: str, balance: int) -> None:
    records = tuple(
        Payment(
            payment_id=new_id("payment"), amount=value, method="cod", reference="", order_version=3 + at, occurred_at=NOON, recorded_at=NOON
        )
        for at, value in enumerate(payments)
    )
    state: dict[str, Any] = {"payment": "paid" if collected >= 110 else "unpaid"}
    said = order_receipt(order(payments=records, collected=collected, **state), DESK, {})
    assert (said.number, said.mark, said.paid, said.balance) == (None, mark, collected, balance)
    assert [payment.amount for payment in said.payments] == list(reversed(payments))


def test_drafts_and_packing_slips() -> None:
    personal = OrderPersonal(phone="+880", billing_address=BILLING, shipping_address=SHIPPING)
    draft, packed = draft_invoice(order(status="pending"), personal, DESK), slip(order(), personal, DESK)
    assert (draft.mark, draft.number, draft.address) == ("draft", None, BILLING)
    assert (packed.address, packed.contact, packed.number) == (SHIPPING, "+880", None)
    assert "100" not in str([row["cells"] for row in view_of(packed)["rows"]])


def test_what_a_button_prints() -> None:
    one, ids = order(), [new_id("document") for _ in range(3)]
    invoice, second, third = (DocumentReference(document_id=each, kind="invoice", number="", issued_on=ISSUE.day) for each in ids)
    issued = {("order", one.order_id): invoice}
    assert issued_for("invoice", one, issued) == invoice
    assert issued_for("invoice", one, issued | {("replacement", ids[0]): second, ("replacement", ids[1]): third}) == third
    assert issued_for("invoice", one, {}) is None
    assert issued_for("receipt", one, issued) is None
    assert issued_for("packing-slip", one, issued) is None


@pytest.mark.parametrize("language", languages())
def test_a_sample_of_everything(language: Any) -> None:
    kinds: tuple[DocumentKind | PrintKind, ...] = (
        "invoice", "credit_note", "receipt", "refund_receipt", "order_receipt", "packing_slip",
    )  # fmt: skip
    for kind in kinds:
        letterhead = Letterhead(print_delivery_place=True)
        view = view_of(sample(kind, language, letterhead, date(2026, 11, 22)))
        assert view["mark"] == catalogue(language).label["sample_mark"]
        said = [name for name, _ in view["facts"] if name == catalogue(language).label["delivery_place"]]
        assert len(said) == (kind == "invoice")


FACTS: dict[str, Any] = {
    "shipping_method": "Express", "payment_method": "cod", "supplied_on": date(2026, 11, 21), "payment_due_on": date(2026, 12, 21),
    "place_of_supply": "Dhaka",
}  # fmt: skip
BUYER = OrderPersonal(
    customer_name="Rahima", company="Shapla Ltd", tax_numbers=(TaxRegistration(label="BIN", number="77", scheme="VA"),),
    buyer_reference="PO-77", customer_note="Ring twice", lines=(PersonalLine(line=1, personalisation="For Rahima"),), phone="+8801",
)  # fmt: skip
FULL = order(lines=(order().lines[0].model_copy(update={"options": (Option(name="Size", value="M"),)}),), **FACTS)


def test_an_invoice_without_a_billing_address_names_the_buyer() -> None:
    said = compose(Due("invoice", "order", FULL.order_id, 110), FULL, Background(addressee_of(BUYER)), ISSUE)
    view = view_of(said)
    assert view["address"] == {"title": "Bill to", "lines": ["Rahima", "Shapla Ltd", "BIN 77"]}
    assert view["facts"][-6:] == [
        ["Your reference", "PO-77"], ["Shipping method", "Express"], ["Payment method", "Cash on delivery"],
        ["Supplied on", "21 November 2026"], ["Payment due", "21 December 2026"], ["Place of supply", "Dhaka"],
    ]  # fmt: skip
    assert [(row["name"], row["sku"]) for row in view["rows"]] == [("Tea", "Size: M · A")]
    assert "For Rahima" not in str(view)
    assert "Ring twice" not in str(view)
    assert Contents.model_validate_json(canonical(said)) == said


def test_with_a_billing_address_the_company_follows_it_once() -> None:
    to = addressee_of(BUYER.model_copy(update={"billing_address": BILLING}))
    said = compose(Due("invoice", "order", FULL.order_id, 110), FULL, Background(to), ISSUE)
    assert view_of(said)["address"]["lines"][-2:] == ["Shapla Ltd", "BIN 77"]
    at_work = said.model_copy(update={"address": BILLING.model_copy(update={"company_name": "Shapla Ltd"})})
    assert view_of(at_work)["address"]["lines"].count("Shapla Ltd") == 1


def test_an_invoice_says_where_the_goods_go_as_at_confirmation() -> None:
    asked, corrected = Letterhead(print_delivery_place=True), SHIPPING.model_copy(update={"city": "Khulna"})
    personal = OrderPersonal(shipping_address=corrected, invoiced_address=SHIPPING)
    assert delivery_place(FULL, personal, asked) == SHIPPING
    assert delivery_place(FULL, OrderPersonal(shipping_address=corrected), asked) == corrected  # from before it was recorded
    assert delivery_place(FULL, personal, Letterhead()) is None
    assert delivery_place(FULL.model_copy(update={"fulfilment": "pickup"}), personal, asked) is None
    background = Background(addressee_of(BUYER), delivery=SHIPPING)
    said = compose(Due("invoice", "order", FULL.order_id, 110), FULL, background, ISSUE)
    assert view_of(said)["facts"][-1] == ["Place of delivery", "Karim, Lane 9, Sylhet, Bangladesh"]
    assert Contents.model_validate_json(canonical(said)) == said
    without = compose(Due("invoice", "order", FULL.order_id, 110), FULL, replace(background, delivery=None), ISSUE)
    assert '"delivery"' not in canonical(without)
    desk = replace(DESK, letterhead=asked)
    assert draft_invoice(order(status="pending"), OrderPersonal(shipping_address=corrected), desk).delivery == corrected
    assert slip(FULL, personal, desk).delivery is None


def test_a_packing_slip_says_what_the_customer_wishes() -> None:
    view = view_of(slip(FULL, BUYER, DESK))
    assert view["remarks"] == ["Ring twice"]
    assert [(row["name"], row["sku"]) for row in view["rows"]] == [("Tea", "Size: M · A · For Rahima")]
    assert view["facts"][-2:] == [["Shipping method", "Express"], ["Payment method", "Cash on delivery"]]
    assert not [word for word in ("Shapla", "BIN", "PO-77") if word in str(view)]


def test_each_fulfilment_has_its_slip() -> None:
    personal = BUYER.model_copy(update={"email": "r@example.com", "shipping_address": SHIPPING, "billing_address": BILLING})
    pickup, digital = (view_of(slip(FULL.model_copy(update={"fulfilment": kind}), personal, DESK)) for kind in ("pickup", "digital"))
    assert (pickup["title"], pickup["address"]) == ("Collection slip", {"title": "Collected by", "lines": ["Rahima", "+8801"]})
    assert digital["address"] == {"title": "Made available to", "lines": ["Rahima", "+8801 · r@example.com"]}
    assert (digital["remarks"][0], digital["remarks"][1:]) == (
        "Nothing is shipped: the order is made available digitally.", ["Ring twice"]
    )  # fmt: skip
    assert digital["cash"] == ""
    assert [len(view["rows"]) for view in (pickup, digital)] == [1, 1]


@pytest.mark.parametrize(
    ("facts", "shows", "said"),
    [
        ({}, True, "Cash to collect: BDT\u00a0110.00"),
        ({"collected": 10_000}, True, "Cash to collect: BDT\u00a010.00"),
        ({"collected": 10_000, "credited_total": 1_000}, True, "Paid, collect nothing"),
        ({"collected": 11_000}, True, "Paid, collect nothing"),
        ({"language": "bn"}, True, "নগদ আদায় করতে হবে: ৳\u00a0১১০.০০"),
        ({}, False, ""),
    ],
)
def test_a_slip_says_what_is_to_be_collected(facts: dict[str, Any], shows: bool, said: str) -> None:
    for kind in ("shipping", "pickup"):
        due = order(fulfilment=kind, goods_total=10_000, shipping=1_000, total=11_000, **facts)
        assert view_of(slip(due, BUYER, replace(DESK, slip_shows_due=shows)))["cash"] == said


def test_cancelled_units_are_not_packed() -> None:
    lines = (FULL.lines[0].model_copy(update={"cancelled": 2}), FULL.lines[0].model_copy(update={"line": 2, "cancelled": 3}))
    packed = slip(FULL.model_copy(update={"lines": lines}), BUYER, DESK)
    assert [(line.line, line.quantity) for line in packed.lines] == [(1, 1)]


def test_a_roll_names_options_with_the_article() -> None:
    assert view_of(order_receipt(FULL, DESK, {}))["rows"][0]["name"] == "Tea · Size: M"


def test_what_was_sealed_before_these_fields_keeps_its_hash() -> None:
    sealed = canonical(compose(Due("invoice", "order", "x", 110), order(), Background(TO), ISSUE))
    assert not {"buyer", "order_terms", "note"} & json.loads(sealed).keys()
    assert json.loads(sealed)["lines"][0].keys() == {"line", "sku", "name", "quantity", "unit_price", "discount", "tax", "amount"}
