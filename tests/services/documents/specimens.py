"""One specimen of each kind of document in each language, and their golden images.

`python -m tests.services.documents.specimens` draws docs/documents/ anew; look at the pictures before you commit them.
"""

import asyncio
import io
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

from PIL import Image, ImageDraw

from services.documents.rendering.catalogues import languages
from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Renderer
from services.documents.rules.taxes import row_of, tax_table
from services.documents.state import (
    Buyer,
    Contents,
    DocumentReference,
    ExternalReference,
    Letterhead,
    PrintKind,
    SaidLine,
    SaidPayment,
    SaidRequest,
    SaidTaxCode,
    Seller,
    TaxNumber,
    Terms,
)
from shared.contracts.events import Address, DocumentKind, Fee, Option, TaxRegistration
from tests.services.documents.pdftext import picture_of

GOLDEN = Path(__file__).resolve().parents[3] / "docs" / "documents"
KINDS = (*get_args(DocumentKind), *get_args(PrintKind))
WHOLE = ("en", "bn", "ar")
SPECIMENS = [(kind, language) for kind in KINDS for language in languages() if language in WHOLE or kind == "invoice"]
"""Every kind in languages of each direction and script that a font is built in for; of the others the kind with most words."""
TODAY = date(2026, 11, 22)
CODE = "9f2c 41d0 77ab 0e5c"
DOTS_PER_INCH = 80
FEE = 25_000
DHAKA = timezone(timedelta(hours=6))

GOODS = {
    "en": ("Hand-loomed cotton saree, indigo", "Brass tea strainer", "Darjeeling first flush, 250 g tin", "Jute shopping bag, large"),
    "bn": ("হাতে বোনা সুতি শাড়ি, নীল", "পিতলের চা ছাঁকনি", "দার্জিলিং চা, ২৫০ গ্রাম", "পুস্তক: রূপান্তর (A5)"),
}
SELLER = {
    "en": Seller(name="Nakshi & Co.", address=("12 Station Road", "Chattogram 4000", "Bangladesh")),
    "bn": Seller(name="নকশী অ্যান্ড কোং", address=("১২ স্টেশন রোড", "চট্টগ্রাম ৪০০০", "বাংলাদেশ")),
}
BUYER = {
    "en": Address(
        country_code="BD", name="Rahima Khatun · রহিমা খাতুন", street_address="House 7, Road 3, ধানমন্ডি", city="Dhaka", postal_code="1205"
    ),
    "bn": Address(country_code="BD", name="রহিমা খাতুন (Rahima Khatun)", street_address="বাড়ি ৭, সড়ক ৩, ধানমন্ডি", city="ঢাকা", postal_code="১২০৫"),
}
FOOTER = {
    "en": "Nakshi & Co. · Reg. C-12345/2019 · nakshi.example\nCity Bank, account 110 2345 678 901",
    "bn": "নকশী অ্যান্ড কোং · নিবন্ধন C-12345/2019 · nakshi.example\nসিটি ব্যাংক, হিসাব ১১০ ২৩৪৫ ৬৭৮ ৯০১",
}
TERMS = {
    "en": "Goods can be returned within 14 days of delivery, unused and in their packaging.",
    "bn": "ডেলিভারির ১৪ দিনের মধ্যে অব্যবহৃত পণ্য মোড়কসহ ফেরত দেওয়া যাবে।",
}


def logo() -> bytes:
    """A made-up logo."""
    drawn = Image.new("RGB", (480, 144), "white")
    pen = ImageDraw.Draw(drawn)
    pen.rounded_rectangle((0, 0, 143, 143), 26, fill=(17, 94, 72))
    pen.ellipse((40, 40, 103, 103), fill="white")
    pen.rectangle((168, 52, 479, 91), fill=(17, 94, 72))
    made = io.BytesIO()
    drawn.save(made, "PNG", optimize=True)
    return made.getvalue()


TAXED = (("R", "7.5"), ("S", "15"))
TAX_CODES = (
    SaidTaxCode(code="R", label="VAT, reduced"),
    SaidTaxCode(code="S", label="VAT", note="VAT is charged at the rate of the day of supply."),
)


def tax_in(gross: int, rate: str) -> int:
    """The tax that is in an amount."""
    return round(gross * float(rate) / (100 + float(rate)))


def lines(language: str, count: int) -> tuple[SaidLine, ...]:
    """Lines with discounts here and there, tax at two rates included."""
    made, names = [], GOODS.get(language, GOODS["en"])
    for index in range(count):
        quantity, price, discount = index % 3 + 1, (125_000, 45_050, 89_900, 22_000)[index % 4], 10_000 if index % 4 == 0 else 0
        total, code, rate = quantity * price - discount, *TAXED[index % 4 > 0]
        made.append(
            SaidLine(
                line=index + 1, sku=f"SKU-{1001 + index}", name=names[index % 4], quantity=quantity, unit_price=price,
                discount=discount, tax=tax_in(total, rate), amount=total, tax_code=code, tax_rate=rate,
                options=(Option(name="Size", value="XL"),) if index % 4 == 0 else (), commodity_code="5007" if index % 4 == 0 else None,
            )
        )  # fmt: skip
    return tuple(made)


def specimen(kind: str, language: str, *, count: int = 4, **changes: Any) -> Contents:
    """What a document of this kind may say."""
    said = lines(language, count)
    goods, shipping = sum(line.amount for line in said), 12_000
    seller = SELLER.get(language, SELLER["en"]).model_copy(
        update={"phone": "+880 31 555 0123", "tax_numbers": (TaxNumber(label="BIN", number="000123456-0101"),)}
    )
    letterhead = Letterhead(seller=seller, footer=FOOTER.get(language, FOOTER["en"]), terms=TERMS.get(language, TERMS["en"]))
    shipping_tax = tax_in(shipping, "15")
    rows = [row_of(line.amount, line.tax, line.tax_code, line.tax_rate) for line in said] + [row_of(shipping, shipping_tax, "S", "15")]
    if kind == "credit_note":
        rows.append(row_of(-FEE, -tax_in(FEE, "15"), "S", "15"))
    facts: dict[str, Any] = {
        "schema_version": 2, "kind": kind, "number": f"{kind[:3].upper()}-2026-000042", "issued_on": TODAY, "language": language,
        "paper": "a4", "seller": letterhead.seller, "footer": letterhead.footer, "terms": letterhead.terms,
        "order_id": "order_00000000000000000000000000", "order_number": "10027", "ordered_on": date(2026, 11, 20), "customer_id": "c-1",
        "address": BUYER.get(language, BUYER["en"]), "currency": "BDT", "lines": said, "goods": goods, "shipping": shipping,
        "tax": sum(row.tax for row in rows), "shipping_tax": shipping_tax, "taxes": tax_table(rows),
        "tax_codes": TAX_CODES, "discount": sum(line.discount for line in said), "total": goods + shipping,
        "issued_at": datetime(2026, 11, 22, 9, 5, tzinfo=DHAKA), "ordered_at": datetime(2026, 11, 20, 18, 40, tzinfo=DHAKA),
    }  # fmt: skip
    return Contents(**(facts | _of_kind(kind, goods + shipping) | changes))


def _of_kind(kind: str, total: int) -> dict[str, Any]:
    def paid(amount: int, day: int, receipt: str | None = None) -> SaidPayment:
        return SaidPayment(
            payment_id="payment_00000000000000000000000000", method="cod" if day == 21 else "card", reference=f"R-77{day}",
            amount=amount, paid_on=date(2026, 11, day), receipt=receipt,
        )  # fmt: skip

    first = DocumentReference(document_id="document_00000000000000000000000000", kind="invoice", number="INV-2026-000041", issued_on=TODAY)
    roll: dict[str, Any] = {"address": None, "terms": ""}
    money = roll | {"taxes": (), "tax_codes": ()}
    slip: dict[str, Any] = {"number": None, "terms": "", "taxes": (), "tax_codes": ()}
    business: dict[str, Any] = {
        "buyer": Buyer(company="Shapla Ltd", tax_numbers=(TaxRegistration(label="BIN", number="000123456-0202"),), reference="PO-77"),
        "order_terms": Terms(
            payment_method="cod", supplied_on=date(2026, 11, 21), payment_due_on=date(2026, 12, 21), place_of_supply="Dhaka"
        ),
    }
    over_the_counter: dict[str, Any] = {"address": None, "buyer": Buyer(name="Rahima Khatun · রহিমা খাতুন")}
    kinds: dict[str, dict[str, Any]] = {
        "invoice": business | {"paid": 200_000, "balance": total - 200_000},
        "draft_invoice": business | {"number": None, "mark": "draft"},
        "invoice_copy": business | {"number": None, "refers_to_external": ExternalReference(number="F-2026-77", issued_on=TODAY)},
        "credit_note": {
            "refers_to": first, "cause": "refund", "nature": "return", "reason": "damaged", "discount": 0,
            "fees": (Fee(name="Restocking · গুদামজাত", amount=FEE),), "total": total - FEE, "paid": 150_000, "balance": total - FEE - 150_000,
        },
        "receipt": money | {"payments": (paid(200_000, 21),), "total": 200_000, "paid": 200_000, "balance": total - 200_000},
        "cancelling_receipt": money
        | {
            "payments": (paid(-200_000, 22),), "total": 200_000, "paid": 0, "balance": total,
            "refers_to": first.model_copy(update={"kind": "receipt", "number": "RCT-2026-000041"}),
        },
        "refund_receipt": roll | {"discount": 0, "nature": "cancellation"},
        "order_receipt": roll
        | {
            "number": None, "mark": "part_paid", "paid": 300_000, "balance": total - 300_000,
            "payments": (paid(100_000, 22, "RCT-2026-000042"), paid(200_000, 21, "RCT-2026-000041")),
        },
        "packing_slip": slip | {"contact": "+880 1712 345678", "tracking": "Pathao PX-44871", "to_collect": total},
        "collection_slip": slip | over_the_counter | {"contact": "+880 1712 345678", "to_collect": 0},
        "refund_request": {
            "number": None, "terms": "", "tax": 0, "discount": 0,
            "request": SaidRequest(
                refund_id="refund_00000000000000000000000000",
                received_at=datetime(2026, 11, 21, 23, 5, tzinfo=UTC), time_zone="Asia/Dhaka",
                reason="damaged", description="A seam is open.\nসেলাই খোলা।",
            ),
        },
        "digital_slip": slip | over_the_counter | {"contact": "rahima@example.com"},
    }  # fmt: skip
    return kinds[kind]


def golden(kind: str, language: str) -> Path:
    """Where a specimen's golden image is."""
    return GOLDEN / f"{kind}-{language}.png"


async def draw() -> None:
    """Draw every golden image anew."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    renderer = Renderer(processes=1, deadline_seconds=90, memory_mb=1024)
    for kind, language in SPECIMENS:
        pdf = await renderer.pdf(view_of(specimen(kind, language), code=CODE, logo=logo()))
        picture_of(pdf, dots_per_inch=DOTS_PER_INCH).quantize(48).save(golden(kind, language), optimize=True)
    await renderer.close()


if __name__ == "__main__":
    asyncio.run(draw())
