"""Contents of invoices and credit notes: whole ones, and random ones with a few things that are odd."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from services.documents.rules.taxes import row_of, tax_table
from services.documents.state import Buyer, Contents, ExternalReference, SaidLine, SaidTaxCode, Seller, TaxNumber, Terms
from shared.contracts.events import Address, Fee, Option, TaxRegistration
from shared.contracts.ids import new_id
from shared.contracts.money import divide_half_up

DAY = date(2026, 11, 22)
SELLER = Seller(
    name="Shapla GmbH", address=("Weg 1", "10115 Berlin"), email="a@b.example", country_code="DE",
    tax_numbers=(TaxNumber(label="USt-IdNr.", number="DE 123 456 789", scheme="VA"), TaxNumber(label="HRB", number="4711")),
)  # fmt: skip
BUYER = Address(country_code="FR", name="Zoé Petit", street_address="1, rue A\n2e étage", city="Lyon", postal_code="69001")
VAT = (TaxRegistration(label="TVA", number="FR12345678901", scheme="VA"),)
CODES = (
    SaidTaxCode(code="S", category="S"), SaidTaxCode(code="R", category="S"), SaidTaxCode(code="Z", category="Z"),
    SaidTaxCode(code="E", category="E", note="Exempt: article 132"), SaidTaxCode(code="AE", category="AE", note="Reverse charge"),
    SaidTaxCode(code="K", category="K", note="Intra-community supply"), SaidTaxCode(code="G", category="G", note="Export"),
    SaidTaxCode(code="O", category="O", note="Outside the scope"), SaidTaxCode(code="L", category="L"), SaidTaxCode(code="M", category="M"),
    SaidTaxCode(code="N", category="E"),
)  # fmt: skip


def line(number: int = 1, amount: int = 11_900, tax: int = 1_900, code: str | None = "S", rate: str | None = "19", **more: Any) -> SaidLine:
    facts: dict[str, Any] = {"sku": f"A{number}", "name": "Tea", "quantity": 1, **more}
    return SaidLine(line=number, amount=amount, tax=tax, tax_code=code, tax_rate=rate, **facts)


def contents(
    *lines: SaidLine, shipping: int = 0, shipping_tax: int = 0, code: str | None = None, rate: str | None = None, **more: Any
) -> Contents:
    """A document over these lines and this shipping, whose sums and taxes follow from them."""
    fees: tuple[Fee, ...] = more.get("fees", ())
    kept = sum(fee.amount for fee in fees) - sum(one.fee for one in lines)
    rows = [row_of(one.amount - one.fee, one.tax, one.tax_code, one.tax_rate) for one in lines]
    if shipping or shipping_tax:
        rows.append(row_of(shipping - kept, shipping_tax, code, rate))
    facts: dict[str, Any] = {
        "kind": "invoice", "number": "INV-2026-000001", "issued_on": DAY, "language": "en", "paper": "a4", "seller": SELLER,
        "order_id": new_id("order"), "order_number": "1001", "ordered_on": DAY, "customer_id": "c-1", "address": BUYER, "currency": "EUR",
        "country": "FR", "tax_codes": CODES, "e_invoice": "factur-x", "shipping_tax_code": code, "shipping_tax_rate": rate,
        "goods": sum(one.amount for one in lines), "total": sum(row.gross for row in rows), "tax": sum(row.tax for row in rows),
        "taxes": tax_table(rows),
    }  # fmt: skip
    return Contents(schema_version=2, lines=lines, shipping=shipping, shipping_tax=shipping_tax, **(facts | more))


# Where a name may be all white space, only that which a request may hold.
TEXT = st.text(max_size=12).filter(lambda text: text.strip() != "" or text.strip(" \t\n\r") == "") | st.sampled_from(
    ["Tee", "চা", "\x00", "\ufffe<&>\"'", " ", "a\nb\tc", "]]>", "🎉"]
)
NAME = st.just("Tee") | TEXT
ODD_RATES = ["0", "0.1", "0.45", "0.5", "19.00", "33.3333", "100", None]
USUAL_RATES = {"S": ["7", "19", "5.5"], "R": ["7", "19.00", "20"], "L": ["7"], "M": ["0", "0.45", "10"]}
MIXES: list[list[str | None]] = [
    ["S"],
    ["S", "R"],
    ["S", "E", "Z"],
    ["S", "N"],
    ["K"],
    ["AE"],
    ["G"],
    ["O"],
    ["L"],
    ["M", "L"],
    ["S", "O", "X", None],
]
DAYS = st.none() | st.dates(date(2000, 1, 1), date(2099, 12, 31))
ADDRESSES = st.builds(
    Address, country_code=st.sampled_from(["DE", "FR", "XK", "QQ"]), name=NAME, company_name=TEXT, street_address=TEXT, city=TEXT,
    city_area=TEXT, country_area=TEXT, postal_code=TEXT,
)  # fmt: skip
REGISTRATIONS = st.lists(
    st.builds(
        TaxRegistration, label=TEXT, number=st.sampled_from(["FR1", "EL12", "000", "SS1", "fr1"]), scheme=st.sampled_from(["VA", None])
    ),
    max_size=2,
).map(tuple)
SELLERS = st.builds(
    Seller, name=NAME, address=st.lists(TEXT, max_size=6).map(tuple), phone=TEXT, email=TEXT,
    country_code=st.sampled_from(["DE", "DE", "GB", ""]),
    tax_numbers=st.lists(
        st.builds(TaxNumber, label=TEXT, number=st.sampled_from(["DE1", "12/345", "XI 9"]), scheme=st.sampled_from(["VA", "FC", None])),
        min_size=1, max_size=4,
    ).map(tuple),
)  # fmt: skip
TERMS = st.builds(
    Terms, payment_method=st.none() | st.sampled_from(["cod", "bank", "direct_debit"]) | TEXT, supplied_on=DAYS, payment_due_on=DAYS,
    place_of_supply=st.none() | TEXT,
)  # fmt: skip
BUYERS = st.builds(Buyer, name=NAME, company=TEXT, reference=TEXT, tax_numbers=st.just(VAT) | REGISTRATIONS)
REFERENCES = st.none() | st.builds(ExternalReference, number=st.text("F-0123", min_size=1, max_size=9), issued_on=st.just(DAY))
OPTIONS = st.lists(st.builds(Option, name=TEXT, value=TEXT), max_size=2).map(tuple)


@st.composite
def taxed(draw: st.DrawFn, mix: list[str | None]) -> tuple[str | None, str | None, int, int]:
    """A code and a rate, mostly one that goes with it; an amount, and the tax in it by the rate, or nearly."""
    code = draw(st.sampled_from(mix))
    rate = draw(st.sampled_from(ODD_RATES if draw(st.integers(0, 19)) == 0 else USUAL_RATES.get(code or "", ["0"])))
    amount = draw(st.integers(0, 2_000) | st.integers(0, 10**12))
    parts = 0 if rate is None else round(float(rate or 0) * 10_000)
    tax = divide_half_up(amount * parts, 1_000_000 + parts)
    return code, rate, amount, max(0, tax + draw(st.sampled_from([0] * 12 + [1, -1, 2, -60, 99])))


@st.composite
def random_contents(draw: st.DrawFn) -> Contents:
    """An invoice or a credit note over up to four lines and shipping."""
    kind, mix, is_odd = draw(st.sampled_from(["invoice", "credit_note"])), draw(st.sampled_from(MIXES)), draw(st.booleans())
    lines = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        code, rate, amount, tax = draw(taxed(mix))
        fee = draw(st.integers(0, 500)) if kind == "credit_note" else 0
        more = {"quantity": draw(st.integers(0, 7)), "name": draw(NAME), "sku": draw(TEXT), "options": draw(OPTIONS)}
        lines.append(line(number, amount + fee, tax, code, rate, fee=fee, commodity_code=draw(st.none() | TEXT), **more))
    code, rate, shipping, shipping_tax = draw(taxed(mix)) if draw(st.booleans()) else (None, None, 0, 0)
    kept = sum(one.fee for one in lines)
    facts: dict[str, Any] = {
        "kind": kind, "cause": draw(st.sampled_from(["order", "refund", "shipping_kept", "cancellation"])),
        "currency": draw(st.sampled_from(["EUR"] * 9 + ["JPY", "KWD", "BDT"])), "language": draw(st.sampled_from(["en", "ar", "bn"])),
        "address": draw(ADDRESSES) if is_odd else BUYER, "seller": draw(SELLERS) if is_odd else SELLER, "buyer": draw(BUYERS),
        "country": draw(st.sampled_from(["FR", "FR", "", "XK", "QQ"])), "order_number": draw(TEXT), "terms": draw(TEXT),
        "fees": (Fee(name=draw(TEXT), amount=kept),) if kept else (), "paid": draw(st.none() | st.integers(0, 3_000)),
        "refers_to_external": draw(REFERENCES) if kind == "credit_note" else None, "order_terms": draw(TERMS),
        "nature": draw(st.sampled_from([None, "return", "goodwill"])), "reason": draw(TEXT),
    }  # fmt: skip
    return contents(*lines, shipping=shipping, shipping_tax=shipping_tax, code=code, rate=rate, **facts)
