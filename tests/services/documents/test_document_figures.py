"""What answers, events and the archive say of a document's money: net, tax, taxes, paid and due; and that they add up."""

import csv
import io
import json
import zipfile
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from services.documents.api.archive import COLUMNS, TAX_COLUMNS
from services.documents.audit import CHECKS
from shared.contracts.events import Fee, OrderLine, RefundLine, TaxRegistration, TaxRow, UnitRange
from tests.services.documents.telling import PERSONAL, Life, Teller
from tests.shop import Shop

LINES = (
    OrderLine(
        line=1, sku="A", name="Tea", quantity=2, unit_price=5000, subtotal=10000, tax=1000, total=10000, tax_rate="11.1111", tax_code="S"
    ),
    OrderLine(line=2, sku="B", name="Book", quantity=1, subtotal=5000, tax=0, total=5000, tax_rate="0", tax_code="Z"),
)
FACTS: dict[str, Any] = {
    "lines": LINES, "goods_total": 15000, "shipping": 1000, "shipping_tax": 100, "shipping_tax_rate": "11.1111", "shipping_tax_code": "S",
    "total": 16000, "supplied_on": date(2026, 11, 19), "place_of_supply": "Dhaka", "tax_total": 1100,
}  # fmt: skip
UNIT = RefundLine(
    line=1, sku="A", quantity=1, units=(UnitRange(first=1, last=1),), goods=4800, shipping=500, fee=200, tax=480, tax_rate="11.1111",
    tax_code="S", disposition="discard",
)  # fmt: skip
OF_UNIT = TaxRow(tax_code="S", tax_rate="11.1111", net=4770, tax=530, gross=5300)
HALF = TaxRow(tax_code="S", tax_rate="11.1111", net=2385, tax=265, gross=2650)


def taxed(shop: Shop) -> Life:
    buyer = PERSONAL.model_copy(update={"tax_numbers": (TaxRegistration(label="BIN", number="77", scheme="VA"),)})
    return Life(shop.store, facts=dict(FACTS), personal=buyer)


def one_unit(life: Life, **facts: Any) -> Any:
    said: dict[str, Any] = {
        "goods": 4800, "shipping": 500, "credit": 5300, "lines": (UNIT,), "shipping_tax": 50, "taxes": (OF_UNIT,),
        "payout_taxes": (OF_UNIT,), "fees": (Fee(name="Restocking", amount=200),),
    }  # fmt: skip
    return life.refund(5300, **(said | facts))


async def three_lives(shop: Shop, teller: Teller) -> None:
    """One order of which a unit comes back, one that is cancelled in part and then wholly, one that is cancelled after a deposit."""
    returned, cancelled, deposit = (taxed(shop) for _ in range(3))
    await teller.tell(shop, returned.step("pending"), returned.step("confirmed"), returned.pay(16000), returned.step("shipped"))
    await teller.tell(shop, returned.step("delivered"), one_unit(returned))
    await teller.tell(shop, cancelled.step("pending"), cancelled.step("confirmed"), cancelled.cancel_in_part())
    part = cancelled.parts[0].part_cancellation_id
    await teller.tell(shop, one_unit(cancelled, cause="part_cancellation", part_cancellation_id=part), cancelled.step("cancelled"))
    await teller.tell(shop, deposit.step("pending"), deposit.pay(2650))
    await teller.tell(shop, deposit.reverse(deposit.payments[0].payment_id), deposit.pay(2650), deposit.step("cancelled"))
    half = UNIT.model_copy(update={"goods": 2650, "shipping": 0, "fee": 0, "tax": 265})
    facts: dict[str, Any] = {"goods": 2650, "lines": (half,), "shipping_tax": 0, "taxes": (HALF,), "payout_taxes": (HALF,)}
    await teller.tell(shop, deposit.refund(2650, cause="cancellation", **facts))


async def documents(shop: Shop, life: Life) -> dict[str, Any]:
    items = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}")).ok()["items"]
    return {one["kind"]: one for one in items}


async def test_a_document_says_its_taxes_and_what_was_paid_when_it_was_issued(shop: Shop, teller: Teller) -> None:
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.pay(4000))
    life.facts["confirmed_version"] = 3
    await teller.tell(shop, life.step("confirmed"), life.pay(12000), life.step("shipped"), life.step("delivered"))
    await teller.tell(shop, one_unit(life))
    found = await documents(shop, life)
    invoice, note = found["invoice"], found["credit_note"]
    assert [invoice[name]["amount"] for name in ("total", "net", "tax", "paid", "due")] == [16000, 14900, 1100, 4000, 12000]
    assert [
        (row["tax_code"], row["tax_rate"], row["net"]["amount"], row["tax"]["amount"], row["gross"]["amount"]) for row in invoice["taxes"]
    ] == [
        ("S", "11.1111", 9900, 1100, 11000),
        ("Z", "0", 5000, 0, 5000),
    ]
    assert (invoice["nature"], invoice["reason"]) == (None, "")
    assert [note[name] for name in ("nature", "reason", "paid", "due")] == ["return", "damaged", None, None]
    assert [note[name]["amount"] for name in ("total", "net", "tax")] == [5300, 4770, 530]
    assert [found["receipt"][name] for name in ("net", "tax", "taxes")] == [None, None, []]
    assert (await shop.staff.get(f"/documents/v1/documents/{note['document_id']}")).ok()["taxes"] == note["taxes"]
    rows = await shop.rows("documents", "select data::text from events where store_id = {store} and type = 'document.issued.v1'")
    told = {data["kind"]: data for data in (json.loads(row["data"]) for row in rows)}
    assert [told["invoice"][name] for name in ("net", "tax")] == [14900, 1100]
    assert told["credit_note"]["taxes"] == [{"tax_code": "S", "tax_rate": "11.1111", "net": 4770, "tax": 530, "gross": 5300}]
    assert [told["receipt"][name] for name in ("net", "tax", "taxes")] == [None, None, []]


async def test_a_year_in_the_archive_adds_up(shop: Shop, teller: Teller) -> None:
    """Invoices less credit notes and refund receipts are what the orders were worth less what their refunds credited."""
    await three_lives(shop, teller)
    answer = (await shop.staff.get("/documents/v1/documents/archive")).ok()
    pack = zipfile.ZipFile(io.BytesIO(answer.content))
    assert pack.testzip() is None
    read = {name: csv.DictReader(io.StringIO(pack.read(name).decode("utf-8-sig"))) for name in ("index.csv", "taxes.csv")}
    index, taxes = list(read["index.csv"]), list(read["taxes.csv"])
    assert (tuple(index[0]), tuple(taxes[0])) == (COLUMNS, TAX_COLUMNS)
    worth = {
        name: sum(Decimal(row[name]) for row in index if row["kind"] not in ("receipt", "cancelling_receipt"))
        for name in ("total", "net", "tax")
    }
    # of the three orders the third was never invoiced; of the first a unit came back, of the second everything
    assert worth == {"total": Decimal("160.00") - 53 - Decimal("26.50"), "net": Decimal("149.00") - Decimal("47.70") - Decimal("23.85"),
                     "tax": Decimal("11.00") - Decimal("5.30") - Decimal("2.65")}  # fmt: skip
    by_document: dict[str, Decimal] = defaultdict(Decimal)
    for row in taxes:
        by_document[row["number"]] += Decimal(row["gross"])
        assert Decimal(row["net"]) + Decimal(row["tax"]) == Decimal(row["gross"])
    assert by_document == {
        row["number"]: Decimal(row["total"]) for row in index if "receipt" not in row["kind"] or row["kind"] == "refund_receipt"
    }
    for row in index:
        assert (Decimal(row["total"]) < 0) == (row["kind"] in ("credit_note", "refund_receipt", "cancelling_receipt"))
        if row["kind"] in ("invoice", "credit_note"):
            said = [row[name] for name in ("country", "place_of_supply", "supplied_on", "buyer_tax_numbers")]
            assert said == ["BD", "Dhaka", "2026-11-19", "BIN 77"]


async def test_the_settings_explain_codes_of_tax(shop: Shop, teller: Teller) -> None:
    settings = (await shop.staff.get("/documents/v1/documents-settings")).ok()
    codes: dict[str, Any] = {
        "S": {"label": "GST", "split": [{"label": "CGST", "weight": 1}, {"label": "SGST", "weight": 1}]},
        "Z": {"category": "Z", "note": "Books are free of tax."},
    }
    saved = (
        await shop.staff.put("/documents/v1/documents-settings", {"tax_codes": codes}, headers={"If-Match": settings.headers["etag"]})
    ).ok()
    assert saved["tax_codes"]["S"] == {"label": "GST", "category": "S", "note": "", "split": codes["S"]["split"]}
    refused = await shop.staff.put(
        "/documents/v1/documents-settings", {"tax_codes": {"S": {"category": "?"}}}, headers={"If-Match": saved.headers["etag"]}
    )
    assert refused.status == 422
    assert (await shop.staff.get("/documents/v1/documents-settings")).ok()["version"] == saved["version"]
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [row] = await shop.rows("documents", "select data from documents where store_id = {store}")
    assert [(code["code"], code["note"]) for code in json.loads(row["data"])["tax_codes"]] == [("S", ""), ("Z", "Books are free of tax.")]


AUDITED = ("document_altered", "document_without_event", "document_taxes", "document_taxes_due")
CHANGES = {
    "a row's tax": ("{taxes,0,tax}", "100"),
    "a row's net": ("{taxes,0,net}", "100"),
    "a row's rate": ("{taxes,0,tax_rate}", '"10"'),
    "a row's code": ("{taxes,0,tax_code}", '"X"'),
    "a rounding": ("{taxes,0,rounding}", "7"),
    "the whole table": ("{taxes}", "[]"),
    "the tax": ("{tax}", "100"),
}


async def found(connection: asyncpg.Connection, store: str) -> set[str]:
    """The kinds of what the audit finds wrong with a store's documents."""
    checks = [check for check in CHECKS if check.kind in AUDITED]
    assert len(checks) == len(AUDITED)
    return {check.kind for check in checks if await connection.fetch(f"select * from ({check.sql}) x where store_id = $1", store)}


async def test_the_audit_recalculates_every_row_of_taxes(shop: Shop, teller: Teller) -> None:
    """Changes whose hash was changed with them: only the figures can tell."""
    await three_lives(shop, teller)
    connection = await asyncpg.connect(shop.stack.postgres_url, database=shop.stack.name)
    try:
        assert await found(connection, shop.store) == set()
        for kind in ("invoice", "credit_note", "refund_receipt"):
            for name, (path, value) in CHANGES.items():
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute("set local session_replication_role = replica")  # past the trigger that refuses changes
                changed = await connection.execute(
                    f"""with one as (select document_id, jsonb_set(data::jsonb, '{path}', '{value}')::text as said
                            from documents.documents where store_id = $1 and kind = '{kind}' order by counted limit 1)
                        update documents.documents d set data = said, sha256 = encode(sha256(convert_to(said, 'UTF8')), 'hex')
                        from one where d.document_id = one.document_id""",
                    shop.store,
                )
                assert changed == "UPDATE 1"
                assert await found(connection, shop.store) & {"document_taxes", "document_taxes_due"}, (kind, name)
                await transaction.rollback()
        assert await found(connection, shop.store) == set()
    finally:
        await connection.close()
