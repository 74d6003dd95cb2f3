"""Which documents can be e-invoices, by table; and by property, that what the rule lets through always passes the standard's own rules."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from services.documents.rendering.cii import cross_industry_invoice
from services.documents.rules.contents import canonical
from services.documents.rules.e_invoice import COUNTRIES, MOST_OF_A_CODE, VAT_PREFIXES, EInvoice, asked, e_invoice_of
from services.documents.state import (
    Buyer,
    Contents,
    DocumentReference,
    ExternalReference,
    Letterhead,
    SaidLine,
    SaidTaxCode,
    TaxCode,
    TaxNumber,
    Terms,
)
from shared.contracts.events import Address, Fee
from shared.contracts.ids import new_id
from tests.e_invoices import country_codes, faults, said
from tests.rules.invoices import CODES, DAY, SELLER, VAT, contents, line, random_contents
from tests.rules.test_document_contents import order


def lacks(one: Contents) -> set[tuple[str, str]]:
    judged = e_invoice_of(one)
    assert judged is not None
    assert (judged.status == "missing") is bool(judged.because)
    assert (cross_industry_invoice(one) is None) is bool(judged.because)
    return {(lack.pointer, lack.code) for lack in judged.because}


def xml_of(one: Contents) -> str:
    """The XML of a document that is an e-invoice, found valid."""
    xml = cross_industry_invoice(one)
    assert xml is not None, e_invoice_of(one)
    assert faults(xml) == []
    return xml


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seller": SELLER.model_copy(update={"name": " "})}, {("/seller/name", "seller_vat_missing")}),
        ({"seller": SELLER.model_copy(update={"country_code": ""})}, {("/seller/country_code", "seller_vat_missing")}),
        ({"seller": SELLER.model_copy(update={"country_code": "XX"})}, {("/seller/country_code", "seller_vat_missing")}),
        ({"seller": SELLER.model_copy(update={"tax_numbers": ()})}, {("/seller/tax_numbers", "seller_vat_missing")}),
        (
            {"seller": SELLER.model_copy(update={"tax_numbers": (TaxNumber(label="BIN", number="000123", scheme="VA"),)})},
            {("/seller/tax_numbers", "seller_vat_missing")},
        ),
        ({"address": None}, {("/customer/name", "buyer_missing"), ("/billing_address/country_code", "buyer_missing")}),
        ({"address": None, "buyer": Buyer(name="Zoé")}, {("/billing_address/country_code", "buyer_missing")}),
        ({"address": Address(country_code="FR")}, {("/customer/name", "buyer_missing")}),
        ({"address": Address(country_code="QQ", name="Zoé")}, {("/billing_address/country_code", "buyer_missing")}),
        ({"currency": "KWD"}, {("/currency", "currency_decimals")}),
        ({"currency": "HRK"}, {("/currency", "currency_decimals")}),
        ({"tax": 1_901}, {("/taxes", "tax_not_by_rate")}),
        ({"total": 11_901}, {("/taxes", "tax_not_by_rate")}),
    ],
)  # fmt: skip
def test_what_a_document_lacks(changes: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert lacks(contents(line())) == set()
    assert lacks(contents(line(), **changes)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line(rate=None)], {("/lines/0/tax_rate", "rate_missing")}),
        ([line(rate="-1")], {("/lines/0/tax_rate", "rate_missing")}),
        ([], {("/lines", "rate_missing")}),
        ([line(), line(2, code=None)], {("/lines/1/tax_code", "category_unknown")}),
        ([line(code="X")], {("/lines/0/tax_code", "category_unknown")}),
        ([line(tax=0, amount=100, rate="0")], {("/tax_codes/S/category", "category_unknown")}),
        ([line(code="Z")], {("/tax_codes/Z/category", "category_unknown"), ("/taxes/0", "tax_not_by_rate")}),
        ([line(), line(2, 100, 0, "O", "0")], {("/tax_codes/O/category", "category_unknown")}),
        ([line(1, 100, 0, "AE", "0")], {("/customer/tax_numbers", "buyer_vat_missing")}),
        ([line(1, 100, 0, "K", "0")], {("/customer/tax_numbers", "buyer_vat_missing")}),
        ([line(1, 100, 1, "E", "0")], {("/taxes/0", "tax_not_by_rate")}),
        ([line(tax=1_902)], {("/taxes/0", "tax_not_by_rate")}),
        ([line(amount=1, tax=2)], {("/lines/0", "tax_not_by_rate"), ("/taxes/0", "tax_not_by_rate")}),
    ],
)
def test_what_lines_lack(lines: list[SaidLine], expected: set[tuple[str, str]]) -> None:
    assert lacks(contents(*lines)) == expected


@pytest.mark.parametrize("category", ["E", "AE", "K", "G", "O"])
def test_what_is_not_taxed_says_why(category: Any) -> None:
    codes = (SaidTaxCode(code="a/b", category=category, note=" "),)
    one = contents(line(1, 100, 0, "a/b", "0"), tax_codes=codes, buyer=Buyer(tax_numbers=VAT))
    assert lacks(one) == {("/tax_codes/a~1b/note", "exemption_text_missing")}
    assert lacks(one.model_copy(update={"tax_codes": (codes[0].model_copy(update={"note": "Why"}),)})) == set()


def test_shipping_has_a_rate_and_a_category_too() -> None:
    assert lacks(contents(line(), shipping=500)) == {("/shipping/tax_rate", "rate_missing"), ("/shipping/tax_code", "category_unknown")}
    assert lacks(contents(line(), shipping=595, shipping_tax=95, code="S", rate="19.00")) == set()


def test_an_intra_community_supply_goes_somewhere() -> None:
    one = contents(line(1, 100, 0, "K", "0"), buyer=Buyer(tax_numbers=VAT))
    assert said(xml_of(one), "//ram:OccurrenceDateTime/udt:DateTimeString") == ["20261122"]
    assert lacks(one.model_copy(update={"country": "QQ"})) == {("/shipping_address/country_code", "buyer_missing")}
    later = one.model_copy(update={"order_terms": Terms(supplied_on=date(2026, 11, 26))})
    assert said(xml_of(later), "//ram:OccurrenceDateTime/udt:DateTimeString") == ["20261126"]


@pytest.mark.parametrize(
    ("lines", "tax", "is_by_rate"),
    [(1, 1, True), (1, 2, False), (3, 3, True), (3, 4, False), (120, 99, True), (120, 100, False)],
)
def test_rounding_is_a_cent_for_each_row_and_below_one_of_the_currency(lines: int, tax: int, is_by_rate: bool) -> None:
    """`tax`: how much it is above net × rate."""
    many = [line(number, 11_900 + (number <= tax), 1_900 + (number <= tax)) for number in range(1, lines)]
    rest = tax - sum(one.tax - 1_900 for one in many)
    one = contents(*many, line(lines, 11_900 + rest, 1_900 + rest))
    assert lacks(one) == (set() if is_by_rate else {("/taxes/0", "tax_not_by_rate")})
    if is_by_rate:
        xml_of(one)


def test_a_yen_is_no_rounding() -> None:
    assert lacks(contents(line(1, 110, 10, rate="10"), currency="JPY")) == set()
    assert lacks(contents(line(1, 111, 11, rate="10"), currency="JPY")) == {("/taxes/0", "tax_not_by_rate")}
    assert said(xml_of(contents(line(1, 110, 10, rate="10"), currency="JPY")), "//ram:GrandTotalAmount") == ["110"]


def test_many_lines_say_the_same_a_few_times() -> None:
    judged = e_invoice_of(contents(*[line(number, rate=None) for number in range(1, 1_001)]))
    assert judged is not None
    assert len(judged.because) == MOST_OF_A_CODE


def test_only_what_was_issued_with_the_wish_is_judged() -> None:
    for changes in ({"e_invoice": "off"}, {"number": None}, {"kind": "receipt"}, {"kind": "refund_receipt"}, {"kind": "draft_invoice"}):
        one = contents(line()).model_copy(update=changes)
        assert (e_invoice_of(one), cross_industry_invoice(one)) == (None, None)
    assert e_invoice_of(contents(line())) == EInvoice(status="embedded")


def test_only_a_store_that_wants_e_invoices_seals_more_into_its_documents() -> None:
    """So that everything else keeps its bytes and hashes: a free line's code is explained, too, and shipping has its rate."""
    bought = order(shipping_tax_rate="19", shipping_tax_code="S")
    blank = contents(line(), line(2, 0, 0, "E", "0"), shipping=595, shipping_tax=95, code="S", rate="19").model_copy(
        update={"e_invoice": "off", "shipping_tax_rate": None, "shipping_tax_code": None, "tax_codes": ()}
    )
    codes = {"S": TaxCode(), "E": TaxCode(category="E", note="Why"), "Z": TaxCode(category="Z")}
    assert asked(blank, bought, Letterhead(tax_codes=codes)) == blank
    wanted = asked(blank, bought, Letterhead(tax_codes=codes, e_invoice="factur-x"))
    before, after = json.loads(canonical(blank)), json.loads(canonical(wanted))
    assert {name: after[name] for name in after if name not in before} == {
        "e_invoice": "factur-x", "shipping_tax_rate": "19", "shipping_tax_code": "S", "tax_codes": after["tax_codes"],
    }  # fmt: skip
    assert [one["code"] for one in after["tax_codes"]] == ["E", "S"]
    assert Contents.model_validate_json(canonical(wanted)) == wanted
    xml_of(wanted)


def test_the_figures_of_an_invoice() -> None:
    one = contents(
        line(1, 5_000, 327, "R", "7", quantity=3), line(2, 11_900, 1_900), shipping=1_190, shipping_tax=190, code="S", rate="19",
        paid=5_000, order_terms=Terms(payment_method="cod", payment_due_on=date(2026, 12, 26)),
        buyer=Buyer(company="Petit SA", reference="PO-77", tax_numbers=VAT),
    )  # fmt: skip
    xml = xml_of(one)
    sums = said(xml, "//ram:SpecifiedTradeSettlementHeaderMonetarySummation/*")  # lines, charges, net, tax, gross, paid, due
    assert sums == ["146.73", "10.00", "156.73", "24.17", "180.90", "50.00", "130.90"]
    assert said(xml, "//ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["15.576667", "100"]
    assert said(xml, "//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax/ram:CalculatedAmount") == ["3.27", "20.90"]
    assert said(xml, "//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax/ram:BasisAmount") == ["46.73", "110.00"]
    assert said(xml, "//ram:ExchangedDocument/ram:TypeCode | //rsm:ExchangedDocument/ram:TypeCode") == ["380"]
    assert said(xml, "//ram:BuyerTradeParty/ram:Name | //ram:PersonName | //ram:BuyerReference") == ["PO-77", "Petit SA", "Zoé Petit"]
    assert said(xml, "//ram:SpecifiedTaxRegistration/ram:ID") == ["DE123456789", "FR12345678901"]
    assert said(xml, "//ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == ["10"]
    assert said(xml, "//ram:DueDateDateTime/udt:DateTimeString") == ["20261226"]


def test_what_was_paid_too_much_is_due_back() -> None:
    assert said(xml_of(contents(line(), paid=20_000)), "//ram:DuePayableAmount") == ["-81.00"]


def test_a_credit_note_names_its_invoice_and_what_was_kept() -> None:
    about = DocumentReference(document_id=new_id("document"), kind="invoice", number="INV-2026-000007", issued_on=date(2026, 11, 1))
    one = contents(
        line(1, 11_900, 1_740, fee=1_000), shipping=1_190, shipping_tax=174, code="S", rate="19",
        fees=(Fee(name="Restocking", amount=1_100),), kind="credit_note",
        cause="refund", nature="return", reason="damaged", refers_to=about, paid=5_000, balance=6_990,
    )  # fmt: skip
    xml = xml_of(one)
    assert said(xml, "//rsm:ExchangedDocument/ram:TypeCode") == ["381"]
    assert said(xml, "//ram:InvoiceReferencedDocument//*[not(*)]") == ["INV-2026-000007", "20261101"]
    assert said(xml, "//ram:IncludedNote/ram:Content") == ["Goods returned: damaged", "Restocking: −€\xa011.00"]
    assert said(xml, "//ram:SpecifiedLineTradeSettlement//ram:LineTotalAmount | //ram:ActualAmount") == ["91.60", "9.16"]
    assert said(xml, "//ram:GrandTotalAmount | //ram:DuePayableAmount") == ["119.90", "119.90"]


def test_money_without_units_is_one_of_its_line() -> None:
    xml = xml_of(contents(line(quantity=0), kind="credit_note", refers_to_external=ExternalReference(number="F-7", issued_on=DAY)))
    assert said(xml, "//ram:BilledQuantity | //ram:ChargeAmount | //ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == [
        "100",
        "1",
        "F-7",
    ]


def test_shipping_alone_is_a_line_that_was_paid() -> None:
    xml = xml_of(contents(shipping=595, shipping_tax=95, code="S", rate="19", cause="shipping_kept"))
    assert said(xml, "//ram:SpecifiedTradeProduct/ram:Name | //ram:DuePayableAmount | //ram:ChargeTotalAmount") == ["Shipping", "0.00"]


def test_what_is_free_has_its_row_of_taxes() -> None:
    xml = xml_of(contents(line(), line(2, 0, 0, "E", "0")))
    assert said(xml, "//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax/ram:CategoryCode") == ["S", "E"]


def test_codes_of_one_category_and_rate_are_one_row() -> None:
    codes = (*CODES, SaidTaxCode(code="E2", category="E", note="Books"))
    xml = xml_of(contents(line(1, 100, 0, "E", "0"), line(2, 200, 0, "E2", "0.0"), tax_codes=codes))
    assert said(xml, "//ram:BasisAmount | //ram:ExemptionReason") == ["Exempt: article 132; Books", "3.00"]


def test_outside_the_scope_names_no_vat_number() -> None:
    xml = xml_of(contents(line(1, 100, 0, "O", "0"), buyer=Buyer(tax_numbers=VAT)))
    assert said(xml, "//ram:SpecifiedTaxRegistration | //ram:RateApplicablePercent") == []
    assert said(xml, "//ram:SellerTradeParty/ram:ID") == ["DE123456789"]


def test_the_lists_of_countries_are_the_standards_own() -> None:
    assert country_codes() == COUNTRIES | {"1A", "XI"}
    assert {"EL", "XI"} == VAT_PREFIXES - COUNTRIES
    assert said(xml_of(contents(line(), country="XK")), "//ram:CountryID") == ["DE", "FR", "1A"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_contents())
def test_what_the_rule_lets_through_always_passes_the_rules_of_the_standard(one: Contents) -> None:
    event("embedded" if not lacks(one) else "missing")
    if not lacks(one):
        assert faults(cross_industry_invoice(one) or "") == []
