"""The tax table, credit notes and refund receipts: the worked cases of real-shops.md with exactly their figures, and properties."""

import json
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.documents.rendering.catalogues import catalogue
from services.documents.rendering.figures import taxes
from services.documents.rendering.present import view_of
from services.documents.rules.compose import Background, Issue, compose
from services.documents.rules.contents import canonical, heading_of, sha256_of
from services.documents.rules.due import Due
from services.documents.rules.taxes import row_of, tax_table
from services.documents.state import Contents, DocumentReference, Letterhead, TaxCode, TaxPart
from shared.contracts.events import Fee, Order, OrderLine, Payment, Refund, RefundLine, TaxRow, UnitRange
from shared.contracts.ids import new_id
from shared.contracts.money import share

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEPT = json.loads((Path(__file__).parent / "documents_version_1.json").read_text(encoding="utf-8"))
INVOICE = DocumentReference(document_id=new_id("document"), kind="invoice", number="INV-2026-000001", issued_on=date(2026, 11, 20))


def issue(**letterhead: Any) -> Issue:
    return Issue(new_id("document"), "X-2026-000001", date(2026, 11, 22), "Asia/Dhaka", Letterhead(**letterhead), NOON)


def line(number: int, total: int, tax: int, rate: str | None = None, *, code: str | None = None, quantity: int = 1) -> OrderLine:
    return OrderLine(
        line=number, sku=f"S{number}", name=f"Thing {number}", quantity=quantity, subtotal=total, tax=tax, total=total, tax_rate=rate,
        tax_code=code,
    )  # fmt: skip


def order(*lines: OrderLine, shipping: tuple[int, int] = (0, 0), **changes: Any) -> Order:
    facts: dict[str, Any] = {
        "order_id": new_id("order"), "number": "1001", "version": 9, "status": "delivered", "currency": "EUR", "customer_id": "c-1",
        "lines": lines, "goods_total": sum(one.total for one in lines), "shipping": shipping[0], "shipping_tax": shipping[1],
        "total": sum(one.total for one in lines) + shipping[0], "payment": "paid", "placed_at": NOON,
    }  # fmt: skip
    return Order(**(facts | changes))


def refund_line(
    of: OrderLine, goods: int, shipping: int, tax: int | None, *, fee: int = 0, quantity: int = 1, first: int = 1
) -> RefundLine:
    units = (UnitRange(first=first, last=first + quantity - 1),) if quantity else ()
    return RefundLine(
        line=of.line, sku=of.sku, quantity=quantity, units=units, goods=goods, shipping=shipping, fee=fee, tax=tax, tax_rate=of.tax_rate,
        tax_code=of.tax_code, disposition="discard",
    )  # fmt: skip


def refund(of: Order, *lines: RefundLine, **facts: Any) -> Refund:
    goods, shipping = sum(one.goods for one in lines), sum(one.shipping for one in lines)
    said: dict[str, Any] = {
        "refund_id": new_id("refund"), "order_id": of.order_id, "order_number": "1001", "customer_id": "c-1", "version": 2,
        "status": "approved", "settlement": "unsettled", "cause": "request", "order_version": 9, "policy_version": 0, "reason": "damaged",
        "currency": of.currency, "amount": goods + shipping, "credit": goods + shipping, "goods": goods, "shipping": shipping,
        "lines": lines, "requested_at": NOON,
    }  # fmt: skip
    return Refund(**(said | facts))


def without_taxes(of: Refund) -> Refund:
    """The refund as it was said before refunds said their taxes."""
    lines = tuple(part.model_copy(update={"tax": None}) for part in of.lines)
    return of.model_copy(update={"shipping_tax": None, "payout_taxes": (), "taxes": (), "lines": lines})


def said(kind: Any, cause: Any, of: Order, *known: Refund, amount: int = 0, **letterhead: Any) -> Contents:
    """The document about the last of the refunds, or about the order."""
    subject = known[-1].refund_id if cause in ("refund", "shipping_kept") else of.order_id
    total = amount or (of.total if cause == "order" else known[-1].amount if kind == "refund_receipt" else known[-1].credited)
    return compose(Due(kind, cause, subject, total), of, Background(refunds=known, refers_to=INVOICE), issue(**letterhead))


def figures(contents: Contents) -> list[tuple[int, int, int]]:
    return [(row.net, row.tax, row.gross) for row in contents.taxes]


@pytest.mark.parametrize("kept", KEPT, ids=[one["name"] for one in KEPT])
def test_what_was_sealed_as_version_1_hashes_and_prints_as_before(kept: dict[str, Any]) -> None:
    contents = Contents.model_validate_json(kept["data"])
    assert canonical(contents) == kept["data"]
    assert sha256_of(canonical(contents)) == kept["sha256"]
    view = view_of(contents, code="9f2c 41d0 77ab 0e5c")
    said = kept["view"].keys() - {"paper", "scale"}  # the room, and how large the type can be in it
    assert {name: view[name] for name in said} == {name: kept["view"][name] for name in said}
    assert (view["prices"], view["taxes"]) == ("", {"columns": [], "rows": [], "notes": []})


def test_case_32_two_rates() -> None:
    one = order(
        line(1, 5000, 327, "7"), line(2, 11900, 1900, "19"), shipping=(1190, 190), shipping_tax_rate="19",
    )  # fmt: skip
    invoice = said("invoice", "order", one)
    assert figures(invoice) == [(4673, 327, 5000), (11000, 2090, 13090)]
    first = refund(
        one, refund_line(one.lines[1], 11900, 838, 1900), shipping_tax=134,
        taxes=(TaxRow(tax_rate="19", net=10704, tax=2034, gross=12738),),
    )  # fmt: skip
    second = refund(
        one, refund_line(one.lines[0], 5000, 352, 327), shipping_tax=56,
        taxes=(TaxRow(tax_rate="19", net=296, tax=56, gross=352), TaxRow(tax_rate="7", net=4673, tax=327, gross=5000)),
    )  # fmt: skip
    notes = [said("credit_note", "refund", one, first), said("credit_note", "refund", one, first, second)]
    assert [figures(note) for note in notes] == [[(10704, 2034, 12738)], [(4673, 327, 5000), (296, 56, 352)]]
    assert sum(note.tax for note in notes) == invoice.tax == 2417


def test_case_33_rounding_is_shown_and_a_tax_split() -> None:
    one = order(*(line(number, 118, 19, "19", code="S") for number in (1, 2, 3)))
    made = said("invoice", "order", one)
    assert [(row.net, row.tax, row.gross, row.rounding) for row in made.taxes] == [(297, 57, 354, 1)]
    assert view_of(made)["taxes"]["rows"][0]["under"] == "contains rounding of +0.01"
    gst = TaxCode(label="GST", split=(TaxPart(label="CGST", weight=1), TaxPart(label="SGST", weight=1)))
    indian = order(line(1, 11807, 1801, "18", code="G"), currency="INR")
    shown = view_of(said("invoice", "order", indian, tax_codes={"G": gst}))["taxes"]["rows"]
    assert [(row["name"], row["cells"][1]) for row in shown] == [
        ("GST 18\u00a0%", "18.01"), ("CGST 9\u00a0%", "9.01"), ("SGST 9\u00a0%", "9.00"),
    ]  # fmt: skip


def test_lines_without_a_rate_are_one_row() -> None:
    made = said("invoice", "order", order(line(1, 10000, 1000), line(2, 500, 0), shipping=(1000, 100)))
    assert [(row.tax_code, row.tax_rate, row.net, row.tax, row.gross, row.rounding) for row in made.taxes] == [
        (None, None, 10400, 1100, 11500, 0)
    ]
    assert [row["name"] for row in view_of(made)["taxes"]["rows"]] == ["Tax"]


def test_a_note_is_printed_once_for_each_code_that_is_used() -> None:
    codes = {"AE": TaxCode(category="AE", note="Reverse charge."), "E": TaxCode(category="E", note="Exempt.")}
    one = order(line(1, 100, 0, "0", code="AE"), line(2, 200, 0, "0", code="AE"))
    made = said("invoice", "order", one, tax_codes=codes)
    assert [(code.code, code.category) for code in made.tax_codes] == [("AE", "AE")]
    assert view_of(made)["taxes"]["notes"] == ["Reverse charge."]


def test_case_24_kwd_one_by_one() -> None:
    """The refund says its taxes; the credit notes print them, and add up to the invoice."""
    one = order(line(1, 1000, 130, quantity=3), shipping=(500, 65), currency="KWD")
    shares = [(333, 43, 167, 22), (334, 44, 166, 21), (333, 43, 167, 22)]
    notes, known = [], []
    for unit, (goods, tax, shipping, shipping_tax) in enumerate(shares, start=1):
        row = TaxRow(net=goods + shipping - tax - shipping_tax, tax=tax + shipping_tax, gross=goods + shipping)
        known.append(refund(one, refund_line(one.lines[0], goods, shipping, tax, first=unit), shipping_tax=shipping_tax, taxes=(row,)))
        notes.append(said("credit_note", "refund", one, *known))
    assert [(note.total, note.tax) for note in notes] == [(500, 65), (500, 65), (500, 65)]
    assert [(note.lines[0].amount, note.lines[0].tax, note.shipping, note.shipping_tax) for note in notes] == shares
    assert sum(note.tax for note in notes) == said("invoice", "order", one).tax == 195


def test_case_25_a_fee_stands_below_the_full_value_and_comes_back() -> None:
    one = order(line(1, 10000, 1000, quantity=2), shipping=(1000, 100))
    fees = (Fee(name="Restocking", amount=500),)
    taxes_before = (TaxRow(net=9449, tax=1051, gross=10500),)
    back = refund(
        one, refund_line(one.lines[0], 9545, 955, 955, fee=455, quantity=2), shipping_tax=96, fees=fees, taxes=taxes_before,
    )  # fmt: skip
    note = said("credit_note", "refund", one, back)
    assert (note.total, note.tax, [(row.net, row.tax, row.gross) for row in note.taxes]) == (10500, 1051, [(9449, 1051, 10500)])
    assert (note.goods, note.shipping, note.lines[0].amount, note.lines[0].quantity) == (10000, 1000, 10000, 2)
    view = view_of(note)
    assert [(row["label"], row["value"]) for row in view["sums"]][:4] == [
        ("Goods", "100.00"), ("Shipping", "10.00"), ("Restocking", "−5.00"), ("Total credited", "€\u00a0105.00"),
    ]  # fmt: skip
    assert [one for one in view["facts"] if one[0] == "Reason"] == [["Reason", "Goods returned: damaged"]]
    goodwill = refund(
        one, refund_line(one.lines[0], 455, 45, 45, quantity=0), cause="adjustment", reason="words of staff", shipping_tax=4,
        taxes=(TaxRow(net=451, tax=49, gross=500),),
    )  # fmt: skip
    later = said("credit_note", "refund", one, back, goodwill)
    assert (later.total, later.tax, later.nature, later.goods, later.shipping) == (500, 49, "goodwill", 455, 45)
    assert note.tax + later.tax == 1100
    assert "words of staff" not in canonical(later)
    assert [(row["name"], row["cells"][0]) for row in view_of(later)["rows"]] == [("Thing 1", "")]


@pytest.mark.parametrize(
    ("facts", "nature"),
    [
        ({"cause": "request"}, "return"), ({"cause": "part_cancellation"}, "part_cancellation"), ({"cause": "adjustment"}, "goodwill"),
        ({"cause": "adjustment", "goods": 0}, "shipping"), ({"cause": "cancellation"}, "cancellation"),
        ({"cause": "payment"}, "cancellation"),
    ],
)  # fmt: skip
def test_what_a_credit_is_for(facts: dict[str, Any], nature: str) -> None:
    one = order(line(1, 10000, 0), shipping=(1000, 0))
    lines = [] if facts.get("goods") == 0 else [refund_line(one.lines[0], 10000, 1000, 0)]
    made = said("credit_note", "refund", one, refund(one, *lines, shipping_tax=0, **({"credit": 1000, "shipping": 1000} | facts)))
    assert (made.nature, made.reason) == (nature, "damaged" if nature == "return" else "")


def test_a_credit_note_names_its_invoice_by_number_and_date_and_what_was_set_off() -> None:
    one = order(line(1, 10000, 0, quantity=2), shipping=(1000, 0))
    note = said("credit_note", "refund", one, refund(one, refund_line(one.lines[0], 5000, 500, 0), shipping_tax=0, amount=500))
    view = view_of(note)
    assert ["For invoice", "INV-2026-000001, 20 November 2026"] in view["facts"]
    assert [(row["label"], row["value"]) for row in view["sums"]][-2:] == [("Paid back", "5.00"), ("Set off against what was due", "50.00")]
    assert (heading_of(canonical(note)).paid, heading_of(canonical(note)).due) == (None, None)


def test_case_31_deposits_carry_the_tax_of_their_money() -> None:
    one = order(line(1, 100000, 16667), shipping=(6000, 1000), status="cancelled")
    first = refund(
        one, refund_line(one.lines[0], 10000, 0, 1667), cause="cancellation", shipping_tax=0,
        payout_taxes=(TaxRow(net=8333, tax=1667, gross=10000),),
    )  # fmt: skip
    second = refund(
        one, refund_line(one.lines[0], 90000, 6000, 15000, quantity=0), cause="payment", shipping_tax=1000,
        payout_taxes=(TaxRow(net=80000, tax=16000, gross=96000),),
    )  # fmt: skip
    receipts = [said("refund_receipt", "refund", one, first), said("refund_receipt", "refund", one, first, second)]
    assert [(made.total, made.tax) for made in receipts] == [(10000, 1667), (96000, 16000)]
    old = [without_taxes(first), without_taxes(second).model_copy(update={"order_version": 10})]
    by_money = [said("refund_receipt", "refund", one, old[0]), said("refund_receipt", "refund", one, *old)]
    assert [(made.tax, made.shipping_tax) for made in by_money] == [(1667, 0), (16000, 1000)]


def test_case_31_a_deposit_on_two_lines_of_which_one_is_taxed() -> None:
    one = order(line(1, 119700, 19700), line(2, 10000, 0), status="cancelled")
    deposit = refund(
        one, refund_line(one.lines[0], 10000, 0, 1646), refund_line(one.lines[1], 0, 0, 0), cause="cancellation", shipping_tax=0,
        payout_taxes=(TaxRow(net=8354, tax=1646, gross=10000),),
    )  # fmt: skip
    assert said("refund_receipt", "refund", one, deposit).tax == 1646
    old = without_taxes(deposit)
    assert said("refund_receipt", "refund", one, old).tax == 1646


def test_case_41_a_receipt_never_has_more_tax_than_money() -> None:
    one = order(line(1, 10000, 1000, quantity=2), shipping=(1000, 100))
    part = refund(
        one, refund_line(one.lines[0], 5000, 500, 500), shipping_tax=50, amount=500, payout_taxes=(TaxRow(net=450, tax=50, gross=500),),
        taxes=(TaxRow(net=4950, tax=550, gross=5500),),
    )  # fmt: skip
    made = said("refund_receipt", "refund", one, part)
    assert (made.total, made.tax, made.balance) == (500, 50, 5000)
    assert [(row["label"], row["value"]) for row in view_of(made)["sums"]] == [
        ("Goods", "50.00"), ("Shipping", "5.00"), ("Set off against what was due", "−50.00"), ("Total refunded", "€\u00a05.00"),
        ("including tax", "0.50"),
    ]  # fmt: skip


def test_what_was_paid_too_much_goes_back_without_tax() -> None:
    one = order(line(1, 10000, 1000), shipping=(1000, 100))
    over = refund(one, cause="overpaid", amount=5000, credit=0, overpaid=5000, shipping_tax=0)
    made = said("refund_receipt", "refund", one, over)
    assert (made.total, made.tax, made.taxes, made.nature, made.balance) == (5000, 0, (), "overpaid", None)


def test_case_39_a_receipt_repeats_no_taxes_and_an_invoice_what_was_paid_when_it_was_confirmed() -> None:
    payment = Payment(
        payment_id=new_id("payment"), amount=11000, method="card", reference="R", order_version=2, occurred_at=NOON, recorded_at=NOON
    )
    one = order(line(1, 5000, 500), shipping=(1000, 100), payments=(payment,), confirmed_version=4)
    invoice = said("invoice", "order", one)
    assert (invoice.total, invoice.paid, invoice.balance) == (6000, 11000, 0)
    receipt = compose(Due("receipt", "payment", payment.payment_id, 11000), one, Background(), issue())
    heading = heading_of(canonical(receipt))
    assert (heading.tax, heading.net, heading.taxes, heading.paid, heading.due) == (None, None, (), 11000, 0)


def test_case_46_and_27_a_cancellation_credits_the_rest_with_its_taxes() -> None:
    one = order(line(1, 10000, 1000, quantity=2), shipping=(1000, 100), status="cancelled")
    part = refund(one, refund_line(one.lines[0], 5000, 500, 500), cause="part_cancellation", shipping_tax=50)
    note = said("credit_note", "cancellation", one, part, amount=5500)
    assert (note.total, note.tax, figures(note), note.nature) == (5500, 550, [(4950, 550, 5500)], "cancellation")
    assert view_of(note)["facts"][3] == ["Reason", "Order cancelled"]


def test_an_invoice_says_its_time_in_the_stores_zone() -> None:
    facts = dict(view_of(said("invoice", "order", order(line(1, 100, 0))))["facts"])
    assert (facts["Date"], facts["Order date"]) == ("22 November 2026, 18:00", "22 November 2026, 18:00")
    assert [Contents.model_validate_json(canonical(made)) == made for made in (said("invoice", "order", order(line(1, 100, 0))),)] == [True]


@pytest.mark.parametrize(("include", "text"), [(True, "Prices include tax."), (False, "Prices without tax.")])
def test_whether_prices_include_the_tax_is_printed(include: bool, text: str) -> None:
    made = said("invoice", "order", order(line(1, 11000, 1000, "10"), prices_include_tax=include))
    view = view_of(made)
    assert view["prices"] == text
    assert view["columns"] == ["Qty", "Net", "Rate", "Tax", "Amount"]
    assert view["rows"][0]["cells"] == ["1", "100.00", "10\u00a0%", "10.00", "110.00"]


@given(
    parts=st.lists(
        st.tuples(
            st.integers(0, 10**9), st.integers(0, 100), st.sampled_from([None, "0", "7", "19", "7.5"]), st.sampled_from([None, "S", "E"])
        ),
        max_size=30,
    )
)
def test_the_table_adds_up(parts: list[tuple[int, int, str | None, str | None]]) -> None:
    rows = [row_of(gross, share(gross, 100, 0, percent), code, rate) for gross, percent, rate, code in parts]
    table = tax_table(rows)
    for name in ("net", "tax", "gross"):
        assert sum(getattr(row, name) for row in table) == sum(getattr(row, name) for row in rows)
    assert len({(row.tax_code, row.tax_rate) for row in table}) == len(table)
    for row in table:
        if row.tax_rate is not None:
            assert abs(row.tax - row.rounding - row.net * Fraction(row.tax_rate) / 100) <= Fraction(1, 2)


@given(tax=st.integers(0, 10**12), weights=st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_the_taxes_that_one_is_split_into_add_up(tax: int, weights: list[int]) -> None:
    code = TaxCode(split=tuple(TaxPart(label=f"T{at}", weight=weight) for at, weight in enumerate(weights)))
    made = said("invoice", "order", order(line(1, 10**13, tax, "10", code="X"), currency="JPY"), tax_codes={"X": code})
    first, *shown = taxes(made, catalogue("en"))["rows"]
    assert sum(int(row["cells"][1].replace(",", "")) for row in shown) == tax == int(first["cells"][1].replace(",", ""))
