"""A made-up order for previews of a store's settings."""

from datetime import date

from services.documents.rules.taxes import explained, row_of, tax_table
from services.documents.state import Contents, Language, Letterhead, PrintKind, SaidLine, SaidPayment, printed
from shared.contracts.events import Address, DocumentKind

NO_ORDER = "order_00000000000000000000000000"
CODE = "S"
SHIPPING_TAX = 1_565
_GOODS = {
    "en": ("Hand-loomed cotton saree, indigo", "Darjeeling first flush, 250 g", "Terracotta cups, set of six"),
    "bn": ("হাতে বোনা সুতি শাড়ি, নীল", "দার্জিলিং চা, ২৫০ গ্রাম", "পোড়ামাটির কাপ, ছয়টির সেট"),
}
_BUYER = {
    "en": Address(country_code="BD", name="Rahima Khatun", street_address="House 7, Road 3", city="Dhaka", postal_code="1205"),
    "bn": Address(country_code="BD", name="রহিমা খাতুন", street_address="বাড়ি ৭, সড়ক ৩", city="ঢাকা", postal_code="১২০৫"),
}


def sample(kind: DocumentKind | PrintKind, language: Language, letterhead: Letterhead, today: date) -> Contents:
    """A sample document of `kind` with this letterhead; marked SAMPLE and not numbered."""
    lines = tuple(
        SaidLine(
            line=line, sku=f"SKU-{line:03}", name=name, quantity=line, unit_price=45_000, tax=5_870 * line, amount=45_000 * line,
            tax_rate="15", tax_code=CODE,
        )
        for line, name in enumerate(_GOODS.get(language, _GOODS["en"]), start=1)
    )  # fmt: skip
    goods, shipping = sum(line.amount for line in lines), 12_000
    paid = SaidPayment(
        payment_id="payment_00000000000000000000000000", method="cod", reference="R-1001", amount=goods + shipping, paid_on=today
    )
    rows = [row_of(line.amount, line.tax, CODE, "15") for line in lines] + [row_of(shipping, SHIPPING_TAX, CODE, "15")]
    said = Contents(
        **printed(letterhead, language),
        schema_version=2,
        kind=kind,
        mark="sample",
        issued_on=today,
        order_id=NO_ORDER,
        order_number="1001",
        ordered_on=today,
        customer_id="sample",
        address=None if kind in ("receipt", "cancelling_receipt", "order_receipt") else _BUYER.get(language, _BUYER["en"]),
        currency="BDT",
        lines=lines,
        goods=goods,
        shipping=shipping,
        shipping_tax=SHIPPING_TAX,
        tax=sum(line.tax for line in lines) + SHIPPING_TAX,
        taxes=() if kind in ("receipt", "packing_slip") else tax_table(rows),
        nature="return" if kind in ("credit_note", "refund_receipt") else None,
        total=goods + shipping,
        delivery=_BUYER.get(language, _BUYER["en"]) if letterhead.print_delivery_place and kind == "invoice" else None,
        payments=(paid,) if kind in ("receipt", "order_receipt") else (),
    )
    return explained(said, letterhead)
