"""Who issues what, from when on (real-shops.md 3.3): by the mode of each fact's own time, in whatever order the facts arrive."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.events import RefundLine, UnitRange
from tests.services.documents.pdftext import missing_from, text_of
from tests.services.documents.telling import NOON, Life, Teller, issued
from tests.shop import Answer, Shop, eventually

PATH = "/documents/v1/documents-settings"
WAITING = "/documents/v1/documents/waiting"


async def save(shop: Shop, **settings: Any) -> Answer:
    """Save document settings over those in force."""
    version = (await shop.staff.get(PATH)).ok()["version"]
    return await shop.staff.put(PATH, json=settings, headers={"If-Match": f'"v{version}"'})


async def issue(shop: Shop, **modes: str) -> None:
    """Change who issues what, from now on."""
    (await save(shop, issue={kind: {"mode": mode} for kind, mode in modes.items()})).ok()


def now() -> datetime:
    return datetime.now(UTC)


def unit(life: Life, number: int, **facts: Any) -> Any:
    """A unit of order P comes back: 50.00, and 5.00 of shipping."""
    units = (UnitRange(first=number, last=number),)
    line = RefundLine(line=1, sku="TEE-1", quantity=1, units=units, goods=5000, shipping=500, disposition="discard")
    return life.refund(5500, goods=5000, shipping=500, lines=(line,), **facts)


async def waiting(shop: Shop) -> list[tuple[str, str, str]]:
    """Cause, subject and amount of what waits for a number."""
    items = (await shop.staff.get(WAITING)).ok()["items"]
    return [(one["cause"], one["refund_id"] or one["order_id"], one["amount"]["decimal"]) for one in items]


async def kinds(shop: Shop, life: Life) -> list[str]:
    return sorted(kind for kind, _, _ in await issued(shop, life.order_id))


async def test_settings_say_who_issues_what_and_since_when(shop: Shop) -> None:
    first = (await shop.staff.get(PATH)).ok()
    assert (first["issue"]["invoice"], first["start"], first["modes"]) == ({"mode": "on", "from": None}, {}, [])
    before = now()
    saved = (await save(shop, issue={"invoice": {"mode": "elsewhere"}, "receipt": {"mode": "off", "from": "2099-01-01"}})).ok()
    assert saved["issue"]["receipt"] == {"mode": "off", "from": "2099-01-01"}
    assert [(one["kind"], one["mode"]) for one in saved["modes"]] == [("invoice", "elsewhere"), ("receipt", "off")]
    assert before <= datetime.fromisoformat(saved["modes"][0]["since"]) <= now()
    assert datetime.fromisoformat(saved["modes"][1]["since"]) == datetime(2099, 1, 1, tzinfo=UTC)
    (await shop.staff.put(f"{PATH}/logo", content=b"", headers={"If-Match": '"v1"', "Content-Type": "image/png"}))
    again = (await save(shop, issue={"invoice": {"mode": "elsewhere", "from": "2020-01-01"}})).ok()
    assert again["modes"] == saved["modes"][:1]  # the plan is taken back; nothing else changes
    [newer, older] = (await shop.staff.get(f"{PATH}/history")).ok()["items"]
    assert (newer["issue"]["receipt"]["mode"], older["issue"]["receipt"]["mode"]) == ("on", "off")


@pytest.mark.parametrize(
    "body",
    [
        {"issue": {"invoice": {"mode": "never"}}},
        {"issue": {"cancelling_receipt": {"mode": "off"}}},
        {"issue": {"invoice": {"mode": "off", "from": "tomorrow"}}},
        {"start": {"invoice": 0}},
        {"start": {"packing_slip": 7}},
    ],
)
async def test_what_is_no_mode_and_no_start(shop: Shop, body: dict[str, Any]) -> None:
    assert (await save(shop, **body)).status == 422
    assert (await shop.staff.get(PATH))["version"] == 0


async def test_a_mode_neither_issues_nor_takes_back_the_past(shop: Shop, teller: Teller) -> None:
    """Confirmed before, in between and after, and told only at the end."""
    before, between, after = (Life(shop.store) for _ in range(3))
    before.at = now()
    told = [before.step("pending"), before.step("confirmed"), before.pay(11000)]
    await issue(shop, invoice="off", receipt="off")
    between.at = now()
    told += [between.step("pending"), between.step("confirmed"), between.pay(6000)]
    await issue(shop)
    after.at = between.at = now()
    told += [after.step("pending"), after.step("confirmed"), after.pay(11000)]
    told += [between.reverse(between.payments[0].payment_id), between.pay(7000)]  # after the change, but the receipt was not issued
    random.Random(3).shuffle(told)
    await teller.tell(shop, *told, *told)
    assert await kinds(shop, before) == await kinds(shop, after) == ["invoice", "receipt"]
    assert [(kind, total) for kind, _, total in await issued(shop, between.order_id)] == [("receipt", "70.00")]
    report = (await shop.staff.get("/documents/v1/documents/series")).ok()["items"]
    assert all(one["gapless"] for one in report)


async def test_nothing_is_issued_where_all_is_off(shop: Shop, life: Life, teller: Teller) -> None:
    await issue(shop, invoice="off", receipt="off", credit_note="off", refund_receipt="off")
    life.at = now()
    await teller.tell(shop, life.step("pending"), life.pay(11000), life.step("delivered"), unit(life, 1), life.step("cancelled"))
    assert await issued(shop, life.order_id) == []
    assert await waiting(shop) == []


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ({}, ["credit_note", "invoice"]),
        ({"credit_note": "off"}, ["invoice"]),
        ({"credit_note": "elsewhere", "refund_receipt": "elsewhere"}, ["invoice"]),
        ({"invoice": "off"}, ["refund_receipt"]),
        ({"invoice": "off", "refund_receipt": "off"}, []),
        ({"invoice": "elsewhere"}, []),
    ],
)
async def test_what_a_credit_makes(shop: Shop, life: Life, teller: Teller, modes: dict[str, str], expected: list[str]) -> None:
    await issue(shop, **modes)
    life.at = now()
    await teller.tell(shop, life.step("pending"), life.step("delivered"), unit(life, 1))
    assert await kinds(shop, life) == expected


async def test_a_credit_waits_for_the_number_of_an_invoice_elsewhere(shop: Shop, life: Life, teller: Teller) -> None:
    await issue(shop, invoice="elsewhere")
    life.at = now()
    steps = [life.step("pending"), life.step("delivered")]
    back = unit(life, 1)
    await teller.tell(shop, *steps, back)
    assert await issued(shop, life.order_id) == []
    refund_id = back.event.refund.refund_id
    [listed] = (await shop.platform.get(WAITING)).ok()["items"]
    assert (listed["cause"], listed["order_id"], listed["order_number"], listed["refund_id"]) == (
        "refund",
        life.order_id,
        "1001",
        refund_id,
    )
    assert (listed["amount"]["decimal"], datetime.fromisoformat(listed["since"])) == ("55.00", life.at)
    assert (await shop.customer("c-1").get(WAITING)).code == "shop_only"
    await teller.tell(shop, life.name_invoice("F-1"))
    assert await waiting(shop) == []
    [note] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    assert (note["kind"], note["total"]["decimal"], note["refers_to"]) == ("credit_note", "55.00", None)
    assert note["refers_to_external"]["number"] == "F-1"
    await teller.tell(shop, life.name_invoice("F-2"), unit(life, 2))
    [_, second] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    assert second["refers_to_external"]["number"] == "F-2"


async def test_a_waiting_cancellation_credits_the_whole_invoice_elsewhere(shop: Shop, life: Life, teller: Teller) -> None:
    await issue(shop, invoice="elsewhere")
    life.at = now()
    await teller.tell(shop, life.step("pending"), life.pay(3000), life.step("shipped"), life.step("cancelled"))
    await teller.tell(shop, life.refund(2000, cause="cancellation", shipping_kept=1000))
    assert await kinds(shop, life) == ["receipt"]
    assert await waiting(shop) == [("cancellation", life.order_id, "110.00")]
    await teller.tell(shop, life.name_invoice("F-1"))
    assert sorted((kind, total) for kind, _, total in await issued(shop, life.order_id)) == [
        ("credit_note", "110.00"),
        ("receipt", "30.00"),
    ]


async def test_case_53_with_modes_and_numbers_in_any_order_of_arrival(shop: Shop, life: Life, teller: Teller) -> None:
    """Modes change between the facts; each is told three times, shuffled: the first number that comes is the one that is named."""
    await issue(shop, invoice="elsewhere")
    life.at = now()
    history = [life.step("pending"), life.pay(11000), life.step("delivered"), unit(life, 1)]
    await issue(shop, receipt="off")
    life.at = now()
    history += [life.name_invoice("F-1"), life.pay(100), life.name_invoice("F-2"), life.refund(1000, goods=1000)]
    await issue(shop, credit_note="off")
    life.at = now()
    history += [life.refund(500, goods=500), life.refund(100, cause="overpaid", overpaid=100, credit=0), life.pay(200)]
    deliveries = history * 3
    random.Random(11).shuffle(deliveries)
    await teller.send(*deliveries)
    await teller.taken(shop, *history)
    expected = [
        ("credit_note", "10.00", "F-2"), ("credit_note", "55.00", "F-1"), ("receipt", "110.00", None), ("receipt", "2.00", None),
        ("refund_receipt", "1.00", None),
    ]  # fmt: skip

    async def all_there() -> bool:
        items = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}")).ok()["items"]
        said = [(one["kind"], one["total"]["decimal"], (one["refers_to_external"] or {}).get("number")) for one in items]
        return sorted(said, key=str) == sorted(expected, key=str)

    await eventually(all_there)
    assert await waiting(shop) == []


async def test_what_waits_is_a_list_in_pages(shop: Shop, teller: Teller) -> None:
    await issue(shop, invoice="elsewhere")
    refunds = []
    for seconds in range(3):
        life = Life(shop.store)
        life.at = now() + timedelta(seconds=seconds)
        told = [life.step("pending"), life.step("delivered"), unit(life, 1)]
        await teller.tell(shop, *told)
        refunds.append(told[2].event.refund.refund_id)
    first = (await shop.staff.get(f"{WAITING}?limit=2")).ok()
    second = (await shop.staff.get(f"{WAITING}?limit=2&cursor={first['next_cursor']}")).ok()
    assert [one["refund_id"] for page in (first, second) for one in page["items"]] == refunds
    assert second["next_cursor"] is None
    assert (await shop.staff.get(f"{WAITING}?cursor=x")).code == "bad_cursor"


async def test_the_invoice_button_prints_a_copy_of_what_is_issued_elsewhere(shop: Shop, life: Life, teller: Teller) -> None:
    await issue(shop, invoice="elsewhere")
    life.at = now()
    button = f"/documents/v1/prints/{life.order_id}/invoice"
    await teller.tell(shop, life.step("pending"))
    assert missing_from((await shop.staff.get(button)).content, ["Draft invoice", "DRAFT"]) == []
    await teller.tell(shop, life.step("confirmed"))
    without = (await shop.staff.get(button)).content
    assert missing_from(without, ["Copy of invoice", "This print is not a numbered document."]) == []
    await teller.tell(shop, life.name_invoice("F-1"), life.name_invoice("F-2"))
    for caller in (shop.staff, shop.customer("c-1")):
        copy = (await caller.get(button)).ok()
        assert missing_from(copy.content, ["Copy of invoice", "For invoice", "F-2, 20 November 2026", "110.00"]) == []
        assert not {"DRAFT", "INV-", "F-1"} & set(text_of(copy.content).split())
    assert "F-2, 20 November 2026" in (await shop.staff.get(f"{button}?format=html")).content.decode()
    assert await issued(shop, life.order_id) == []


async def test_an_imported_order_prints_a_copy_too(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.come("delivered", 11000), life.name_invoice("F-2024-77"))
    copy = (await shop.staff.get(f"/documents/v1/prints/{life.order_id}/invoice")).content
    assert missing_from(copy, ["Copy of invoice", "F-2024-77"]) == []
    assert "DRAFT" not in text_of(copy)


async def test_a_series_starts_where_the_shop_says_while_it_is_unused(shop: Shop, life: Life, teller: Teller) -> None:
    saved = (await save(shop, start={"invoice": 4214, "receipt": 9})).ok()
    assert saved["start"] == {"invoice": 4214, "receipt": 9}
    assert (await save(shop, start={"invoice": 5000})).ok()["start"] == {"invoice": 5000}
    await teller.tell(shop, life.step("pending"), life.pay(11000), life.step("confirmed"))
    numbers = {kind: number for kind, number, _ in await issued(shop, life.order_id)}
    assert numbers == {"invoice": "5000", "receipt": "1"}
    for body in ({"start": {"invoice": 5001}}, {"start": {"receipt": 9}}):
        refused = await save(shop, **body)
        assert (refused.status, refused.code, refused["kind"]) == (409, "series_begun", *body["start"])
    assert (await shop.staff.get(PATH))["version"] == 2
    (await save(shop, start={"invoice": 5000}, footer="the same again")).ok()
    (await save(shop)).ok()
    second = Life(shop.store)
    await teller.tell(shop, second.step("pending"), second.step("confirmed"))
    assert await issued(shop, second.order_id) == [("invoice", "5001", "110.00")]
    report = {one["kind"]: one for one in (await shop.staff.get("/documents/v1/documents/series")).ok()["items"]}
    assert {name: report["invoice"][name] for name in ("first", "last", "issued", "missing", "gapless")} == {
        "first": 5000, "last": 5001, "issued": 2, "missing": [], "gapless": True,
    }  # fmt: skip


async def test_a_start_is_of_its_year(shop: Shop) -> None:
    (await save(shop, start={"invoice": 4214})).ok()
    await shop.rows("documents", """update settings set starts = '{"invoice": {"year": 2020, "first": 4214}}' where store_id = {store}""")
    assert (await shop.staff.get(PATH)).ok()["start"] == {}
    assert NOON.year > 2020
