"""E-invoices through all services: the store switches them on, an order is placed and confirmed, a part comes back."""

import io
from typing import Any

from pypdf import PdfReader

from tests.e_invoices import faults, said
from tests.shop import Shop, eventually, order_p

SETTINGS = {
    "seller": {
        "name": "Shapla GmbH", "address": ["Weg 1", "10115 Berlin"], "country_code": "DE",
        "tax_numbers": [{"label": "USt-IdNr.", "number": "DE123456789", "scheme": "VA"}],
    },
    "tax_codes": {"S": {"category": "S"}, "R": {"category": "S"}},
    "e_invoice": "factur-x", "language": "de",
}  # fmt: skip
ADDRESS = {"country_code": "DE", "name": "Rahima Begum", "street_address": "Allee 2", "city": "Berlin", "postal_code": "10117"}
CASE_32 = order_p(
    currency="EUR", shipping_address=ADDRESS, billing_address=ADDRESS,
    lines=[
        {"sku": "TEE-1", "name": "Buch", "quantity": 1, "unit_price": 5000, "tax": 327, "tax_rate": "7", "tax_code": "R"},
        {"sku": "TEE-2", "name": "Hemd", "quantity": 1, "unit_price": 11900, "tax": 1900, "tax_rate": "19", "tax_code": "S"},
    ],
    shipping={"amount": 1190, "tax": 190, "tax_rate": "19", "tax_code": "S"},
)  # fmt: skip
ROWS = "//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"


async def document_of(shop: Shop, order_id: str, kind: str) -> dict[str, Any]:
    """The order's document of this kind, once it is issued."""

    async def look() -> dict[str, Any]:
        items = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        found: list[dict[str, Any]] = [one for one in items if one["kind"] == kind]
        assert len(found) == 1
        return found[0]

    return await eventually(look)


async def found_in(shop: Shop, document: dict[str, Any]) -> str:
    """The XML that a reader takes out of the document's PDF: valid, and the same that is downloaded alone."""
    assert document["e_invoice"] == {"status": "embedded", "because": []}
    path = f"/documents/v1/documents/{document['document_id']}"
    pdf = (await shop.customer().get(f"{path}/pdf")).ok().content
    [xml] = PdfReader(io.BytesIO(pdf), strict=True).attachments["factur-x.xml"]
    alone = (await shop.customer().get(f"{path}/e-invoice")).ok()
    assert (alone.content, alone.headers["content-type"]) == (xml, "application/xml")
    assert faults(xml.decode()) == []
    return xml.decode()


async def test_an_invoice_and_the_credit_note_of_a_part_are_e_invoices(shop: Shop) -> None:
    """Case 32, all but its last step: 50.00 at 7 %, 119.00 and shipping at 19 %; line 2 returned with its share of the shipping."""
    (await shop.staff.put("/documents/v1/documents-settings", json=SETTINGS, headers={"If-Match": '"v0"'})).ok()
    order_id = (await shop.platform.post("/orders/v1/orders", json=CASE_32)).ok()["order_id"]
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments", json={"amount": 18090, "method": "cod", "reference": "a"})).ok()
    for step in ("confirmed", "delivered"):
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": step})).ok()

    invoice = await document_of(shop, order_id, "invoice")
    xml = await found_in(shop, invoice)
    assert said(xml, f"{ROWS}/ram:BasisAmount") == ["46.73", "110.00"]
    assert said(xml, f"{ROWS}/ram:CalculatedAmount") == ["3.27", "20.90"]
    assert said(xml, "//ram:GrandTotalAmount | //ram:TotalPrepaidAmount | //ram:DuePayableAmount") == ["180.90", "180.90", "0.00"]

    back = {"order_id": order_id, "lines": [{"line": 2, "quantity": 1}], "reason": "damaged"}

    async def asked() -> str:
        return str((await shop.customer().post("/refunds/v1/refunds", json=back)).ok()["refund_id"])

    refund_id = await eventually(asked)
    (await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/approve")).ok()

    note = await document_of(shop, order_id, "credit_note")
    xml = await found_in(shop, note)
    assert said(xml, "//rsm:ExchangedDocument/ram:TypeCode") == ["381"]
    assert said(xml, "//ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == [invoice["number"]]
    assert said(xml, "//ram:GrandTotalAmount") == [note["total"]["decimal"]]
    assert said(xml, "//ram:IncludedNote/ram:Content") == ["Warenrückgabe: beschädigt"]
