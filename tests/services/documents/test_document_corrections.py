"""An invoice is corrected: credited whole and issued anew, its lines and money the same (real-shops.md 3.3, case 46)."""

import asyncio
import csv
import io
import json
import random
import zipfile
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.events import OrderLine, RefundLine, TaxRegistration, TaxRow, UnitRange
from tests.services.documents.pdftext import missing_from
from tests.services.documents.telling import BILLING, PERSONAL, Life, Teller, issued
from tests.services.documents.test_document_modes import issue, now
from tests.shop import Answer, Shop, eventually

LINE = OrderLine(line=1, sku="TEE-1", name="T-shirt", quantity=2, unit_price=5000, subtotal=10000, total=10000, tax=1000)
FACTS: dict[str, Any] = {"lines": (LINE,), "shipping_tax": 100, "tax_total": 1100, "confirmed_version": 2}
ADDRESS = {"country_code": "IN", "name": "Shapla Ltd", "street_address": "1 Park Street", "city": "Kolkata", "postal_code": "700016"}
BODY: dict[str, Any] = {
    "reason": "the company was missing", "billing_address": ADDRESS, "company": "Shapla Ltd", "buyer_reference": "PO-77",
    "tax_numbers": [{"label": "GSTIN", "number": "19AAACH7409R1Z2", "scheme": "VA"}], "supplied_on": "2026-11-19",
}  # fmt: skip
OF_MONEY = ("lines", "goods", "shipping", "shipping_tax", "tax", "taxes", "discount", "total", "currency")


def taxed(shop: Shop) -> Life:
    """Order P with tax 10.00 + 1.00."""
    buyer = PERSONAL.model_copy(update={"company": "Old Ltd", "tax_numbers": (TaxRegistration(label="BIN", number="77"),)})
    return Life(shop.store, facts=dict(FACTS), personal=buyer)


def unit(life: Life, number: int) -> Any:
    units = (UnitRange(first=number, last=number),)
    line = RefundLine(line=1, sku="TEE-1", quantity=1, units=units, goods=5000, shipping=500, tax=500, disposition="discard")
    taxes = (TaxRow(net=4950, tax=550, gross=5500),)
    return life.refund(5500, credit=5500, goods=5000, shipping=500, shipping_tax=50, lines=(line,), taxes=taxes, payout_taxes=taxes)


async def items(shop: Shop, life: Life) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}")).ok()["items"]
    return found


async def contents(shop: Shop, number: str) -> dict[str, Any]:
    [row] = await shop.rows("documents", "select data from documents where store_id = {store} and number = $2", number)
    said: dict[str, Any] = json.loads(row["data"])
    return said


async def correct(shop: Shop, document_id: str, query: str = "", **changes: Any) -> Answer:
    return await shop.staff.post(f"/documents/v1/documents/{document_id}/corrections{query}", json=BODY | changes)


async def test_case_46_the_invoice_corrected_then_one_unit_returned(shop: Shop, teller: Teller) -> None:
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.step("delivered"))
    [old] = await items(shop, life)
    made = (await correct(shop, old["document_id"])).ok()
    note, new = made["credit_note"], made["invoice"]
    assert (note["total"]["decimal"], note["tax"]["decimal"], note["nature"]) == ("110.00", "11.00", "correction")
    assert (new["total"]["decimal"], new["tax"]["decimal"], new["number"][-1]) == ("110.00", "11.00", "2")
    assert (note["refers_to"], new["refers_to"]) == (old["document_id"], old["document_id"])
    assert made["reason"] == BODY["reason"]
    assert await issued(shop, life.order_id) == [("invoice", "1", "110.00"), ("invoice", "2", "110.00"), ("credit_note", "1", "110.00")]

    await teller.tell(shop, unit(life, 1))
    credited = (await items(shop, life))[-1]
    assert (credited["kind"], credited["total"]["decimal"], credited["tax"]["decimal"]) == ("credit_note", "55.00", "5.50")
    assert credited["refers_to"] == new["document_id"]
    said = await contents(shop, credited["number"])
    assert (said["address"]["street_address"], said["buyer"]["company"]) == ("1 Park Street", "Shapla Ltd")
    refused = await correct(shop, new["document_id"])
    assert (refused.status, refused.code) == (409, "already_credited")
    assert len(await items(shop, life)) == 4


async def test_lines_and_money_stay_and_the_buyer_is_stated_anew(shop: Shop, teller: Teller) -> None:
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.pay(3000), life.step("confirmed"))
    _, old = await items(shop, life)
    made = (await correct(shop, old["document_id"])).ok()
    before, after, note = [await contents(shop, one["number"]) for one in (old, made["invoice"], made["credit_note"])]
    for name in OF_MONEY:
        assert before[name] == after[name] == note[name], name
    assert (after["paid"], after["balance"], note["paid"], note["balance"]) == (before["paid"], before["balance"], None, None)
    assert after["address"]["city"] == "Kolkata"
    assert after["buyer"] == {
        "name": "", "company": "Shapla Ltd", "reference": "PO-77",
        "tax_numbers": [{"label": "GSTIN", "number": "19AAACH7409R1Z2", "scheme": "VA"}],
    }  # fmt: skip
    assert (after["order_terms"]["supplied_on"], after["country"]) == ("2026-11-19", "BD")  # it was sent to Bangladesh
    assert (note["address"]["street_address"], note["buyer"]["company"]) == (BILLING.street_address, "Old Ltd")
    pdf = (await shop.staff.get(f"/documents/v1/documents/{made['invoice']['document_id']}/pdf")).ok().content
    assert missing_from(pdf, ["Replaces invoice", old["number"], "1 Park Street", "GSTIN 19AAACH7409R1Z2", "PO-77"]) == []
    pdf = (await shop.staff.get(f"/documents/v1/documents/{made['credit_note']['document_id']}/pdf")).ok().content
    assert missing_from(pdf, ["For invoice", old["number"], "Invoice corrected", "Old Ltd", "110.00"]) == []
    printed = (await shop.customer("c-1").get(f"/documents/v1/prints/{life.order_id}/invoice")).ok().content
    assert missing_from(printed, [made["invoice"]["number"]]) == []
    for one in (made["invoice"], made["credit_note"]):
        assert (await shop.staff.get(f"/documents/v1/documents/{one['document_id']}/verify")).ok()["verified"]


async def test_what_is_not_said_stays(shop: Shop, teller: Teller) -> None:
    """And the seller is as in the settings in force: a correction mends what was missing there."""
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [old] = await items(shop, life)
    seller = {"seller": {"name": "Nakshi & Co.", "tax_numbers": [{"label": "BIN", "number": "1"}]}}
    (await shop.staff.put("/documents/v1/documents-settings", json=seller, headers={"If-Match": '"v0"'})).ok()
    path = f"/documents/v1/documents/{old['document_id']}/corrections"
    made = (await shop.platform.post(path, json={"reason": "the seller's number", "company": ""})).ok()
    before, after = await contents(shop, old["number"]), await contents(shop, made["invoice"]["number"])
    assert (after["address"], after["buyer"]["tax_numbers"]) == (before["address"], before["buyer"]["tax_numbers"])
    assert (after["buyer"]["company"], after["seller"]["name"]) == ("", "Nakshi & Co.")


async def test_corrections_can_follow_one_another(shop: Shop, teller: Teller) -> None:
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [first] = await items(shop, life)
    second = (await correct(shop, first["document_id"])).ok()["invoice"]
    refused = await correct(shop, first["document_id"])
    assert (refused.status, refused.code, refused["newest"]) == (409, "not_the_newest", second["document_id"])
    third = (await correct(shop, second["document_id"], company="Third Ltd")).ok()["invoice"]
    await teller.tell(shop, life.step("cancelled"))
    note = (await items(shop, life))[-1]
    assert (note["kind"], note["total"]["decimal"], note["refers_to"]) == ("credit_note", "110.00", third["document_id"])
    assert (await correct(shop, third["document_id"])).code == "already_credited"
    assert (await correct(shop, note["document_id"])).code == "not_the_newest"
    report = (await shop.staff.get("/documents/v1/documents/series")).ok()["items"]
    assert [(one["kind"], one["last"], one["gapless"]) for one in report] == [("credit_note", 3, True), ("invoice", 3, True)]


async def test_a_repeat_changes_nothing_and_a_rehearsal_neither(shop: Shop, teller: Teller) -> None:
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [old] = await items(shop, life)
    path = f"/documents/v1/documents/{old['document_id']}/corrections"
    rehearsed = (await shop.staff.post(f"{path}?dry_run=true", json=BODY)).ok()
    assert (rehearsed.status, rehearsed["invoice"]["number"][-1]) == (201, "2")
    assert await items(shop, life) == [old]
    answers = [await shop.staff.post(path, json=BODY, key="once") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    assert len(await items(shop, life)) == 3
    events = await shop.events("documents", life.order_id)
    assert [(one["sequence"], one["data"]["kind"]) for one in events] == [(1, "invoice"), (2, "invoice"), (3, "credit_note")]


async def test_of_racing_corrections_one_wins(shop: Shop, teller: Teller) -> None:
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [old] = await items(shop, life)
    answers = await asyncio.gather(*[correct(shop, old["document_id"]) for _ in range(6)])
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    assert len(await items(shop, life)) == 3


@pytest.mark.parametrize(
    "body",
    [
        {}, {"reason": ""}, {"reason": "x", "lines": []}, {"reason": "x", "billing_address": {"city": "Dhaka"}},
        {"reason": "x", "billing_address": {"country_code": "bd"}}, {"reason": "x", "tax_numbers": [{"label": "", "number": "1"}]},
        {"reason": "x", "supplied_on": 7},
    ],
)  # fmt: skip
async def test_what_a_correction_is_not(shop: Shop, life: Life, teller: Teller, body: dict[str, Any]) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [old] = await items(shop, life)
    assert (await shop.staff.post(f"/documents/v1/documents/{old['document_id']}/corrections", json=body)).status == 422
    assert await items(shop, life) == [old]


async def test_only_the_shop_corrects_and_only_what_it_issues(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.pay(11000), life.step("confirmed"))
    receipt, invoice = await items(shop, life)
    for caller in (shop.customer("c-1"), shop.caller("guest", life.order_id)):
        refused = await caller.post(f"/documents/v1/documents/{invoice['document_id']}/corrections", json=BODY)
        assert refused.code == "shop_only"
    assert (await shop.reader.post(f"/documents/v1/documents/{invoice['document_id']}/corrections", json=BODY)).code == "read_only"
    stranger = shop.caller("staff", "s", store="store-other")
    assert (await stranger.post(f"/documents/v1/documents/{invoice['document_id']}/corrections", json=BODY)).code == "not_found"
    refused = await correct(shop, receipt["document_id"])
    assert (refused.code, refused["newest"]) == ("not_the_newest", invoice["document_id"])
    assert await items(shop, life) == [receipt, invoice]


async def test_what_others_issue_is_corrected_there(shop: Shop, teller: Teller) -> None:
    past, away = Life(shop.store), Life(shop.store)
    await teller.tell(shop, past.come("delivered", 11000), past.pay(100))
    await issue(shop, invoice="elsewhere")
    away.at = now()
    await teller.tell(shop, away.step("pending"), away.pay(100), away.step("confirmed"))
    for life in (past, away):
        [receipt] = await items(shop, life)
        refused = await correct(shop, receipt["document_id"])
        assert (refused.status, refused.code) == (409, "elsewhere")
        assert await items(shop, life) == [receipt]


async def test_an_invoice_of_ours_is_corrected_here_whoever_issues_them_now(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [old] = await items(shop, life)
    await issue(shop, invoice="elsewhere", credit_note="off")
    (await correct(shop, old["document_id"])).ok()
    assert [one["kind"] for one in await items(shop, life)] == ["invoice", "invoice", "credit_note"]


async def test_case_53_with_a_correction_in_between(shop: Shop, teller: Teller) -> None:
    """Whatever is told again and in whatever order, before and after: the same documents, and credits about the newest invoice."""
    life = taxed(shop)
    first = [life.step("pending"), life.pay(11000), life.step("delivered")]
    later = [unit(life, 1), life.edit(email="r@example.com"), unit(life, 2)]
    deliveries = first * 3
    random.Random(46).shuffle(deliveries)
    await teller.send(*deliveries)
    await teller.taken(shop, *first)
    old = next(one for one in await items(shop, life) if one["kind"] == "invoice")
    new = (await correct(shop, old["document_id"])).ok()["invoice"]
    deliveries = [*first, *later] * 3
    random.Random(47).shuffle(deliveries)
    await teller.send(*deliveries)
    await teller.taken(shop, *later)
    expected = [
        ("credit_note", "110.00", old["document_id"]), ("credit_note", "55.00", new["document_id"]),
        ("credit_note", "55.00", new["document_id"]), ("invoice", "110.00", None), ("invoice", "110.00", old["document_id"]),
        ("receipt", "110.00", None),
    ]  # fmt: skip

    async def all_there() -> bool:
        said = [(one["kind"], one["total"]["decimal"], one["refers_to"]) for one in await items(shop, life)]
        return sorted(said, key=str) == sorted(expected, key=str)

    await eventually(all_there)


async def test_kept_shipping_is_corrected_like_any_invoice(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.pay(3000), life.step("shipped"), life.step("cancelled"))
    await teller.tell(shop, life.refund(2000, cause="cancellation", shipping_kept=1000))
    kept = next(one for one in await items(shop, life) if one["total"]["decimal"] == "10.00")
    made = (await correct(shop, kept["document_id"])).ok()
    assert (made["credit_note"]["total"]["decimal"], made["invoice"]["total"]["decimal"]) == ("10.00", "10.00")


async def test_an_erasure_takes_the_reason_and_leaves_what_was_issued(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [old] = await items(shop, life)
    body = {"key": "gone", "json": BODY | {"reason": "Rahima moved"}}
    path = f"/documents/v1/documents/{old['document_id']}/corrections"
    new = (await shop.staff.post(path, **body)).ok()["invoice"]
    before = (await shop.staff.get(f"/documents/v1/documents/{new['document_id']}/pdf")).ok().content
    await teller.tell(shop, life.erase())
    [row] = await shop.rows("documents", "select reason from corrections where store_id = {store}")
    assert row["reason"] == ""
    assert (await shop.staff.post(path, **body)).body == {"erased": True}
    assert (await shop.staff.get(f"/documents/v1/documents/{new['document_id']}/pdf")).content == before
    third = (await correct(shop, new["document_id"], billing_address=None)).ok()["invoice"]
    assert (await contents(shop, third["number"]))["address"]["street_address"] == "1 Park Street"


async def test_of_an_erased_customers_invoice_no_reason_is_kept(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"), life.erase())
    [old] = await items(shop, life)
    made = (await correct(shop, old["document_id"], reason="Rahima moved", billing_address=None)).ok()
    assert made["reason"] == ""
    kept = await shop.rows("documents", "select to_jsonb(c)::text as row from corrections c where store_id = {store}")
    kept += await shop.rows("documents", "select body as row from idempotency where store_id = {store}")
    assert [row for row in kept if "Rahima" in row["row"]] == []
    assert (await contents(shop, made["invoice"]["number"]))["address"]["street_address"] == BILLING.street_address


async def test_an_archive_with_a_correction_adds_up_to_the_invoice(shop: Shop, teller: Teller) -> None:
    """Invoice, credit note and new invoice are once the supply; per country, it moved from one to the other. A unit returned is less."""
    life = taxed(shop)
    life.personal = life.personal.model_copy(update={"shipping_address": None})
    await teller.tell(shop, life.step("pending"), life.step("delivered"))
    [old] = await items(shop, life)
    (await correct(shop, old["document_id"])).ok()

    async def sums() -> dict[str, Any]:
        pack = zipfile.ZipFile(io.BytesIO((await shop.staff.get("/documents/v1/documents/archive")).ok().content))
        index, taxes = [
            list(csv.DictReader(io.StringIO(pack.read(name).decode("utf-8-sig")))) for name in ("index.csv", "taxes.csv")
        ]  # fmt: skip
        assert all(row["file"] in pack.namelist() for row in index)
        made: dict[str, Any] = {name: str(sum(Decimal(row[name]) for row in index)) for name in ("total", "net", "tax")}
        made |= {f"{name} by rate": str(sum(Decimal(row[name]) for row in taxes)) for name in ("gross", "net", "tax")}
        for country in ("BD", "IN"):
            made[country] = str(sum(Decimal(row["gross"]) for row in taxes if row["country"] == country))
        made["numbers"] = [row["buyer_tax_numbers"] for row in sorted(index, key=lambda row: (row["kind"], row["number"]))]
        return made

    whole = {"total": "110.00", "net": "99.00", "tax": "11.00"}
    rates = {"gross by rate": "110.00", "net by rate": "99.00", "tax by rate": "11.00"}
    now_there = {"BD": "0.00", "IN": "110.00", "numbers": ["BIN 77", "BIN 77", "GSTIN 19AAACH7409R1Z2"]}
    assert await sums() == whole | rates | now_there
    await teller.tell(shop, unit(life, 1))
    left = await sums()
    assert [left[name] for name in (*whole, *rates, "BD", "IN")] == ["55.00", "49.50", "5.50", "55.00", "49.50", "5.50", "0.00", "55.00"]
    assert left["numbers"] == ["BIN 77", "GSTIN 19AAACH7409R1Z2", "BIN 77", "GSTIN 19AAACH7409R1Z2"]


async def test_many_prints_have_the_newest_invoice(shop: Shop, teller: Teller) -> None:
    life = taxed(shop)
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [old] = await items(shop, life)
    made = (await correct(shop, old["document_id"])).ok()
    body = {"order_ids": [life.order_id], "button": "invoice"}
    printed = (await shop.staff.post("/documents/v1/prints", json=body)).ok().content
    assert missing_from(printed, [made["invoice"]["number"], "1 Park Street"]) == []
    first = (await shop.staff.get(f"/documents/v1/documents/{old['document_id']}/pdf")).ok().content
    assert missing_from(first, [old["number"], BILLING.street_address]) == []
