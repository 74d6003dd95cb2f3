"""What was sold and collected, by the hours and days of the store, and the cash that is out: exact at any time, folded or not."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command

from services.orders.audit import figures as audit
from shared.data.migrate import config
from tests.services.kernel.test_schema_history import RELEASED, database, revisions, upgrade
from tests.services.orders.test_changes import CANCEL, act, placed
from tests.services.orders.test_placing import SETTINGS
from tests.shop import Answer, Caller, Shop, eventually, order_p
from tests.stack import Stack

PAID = {"amount": 11_000, "method": "cod", "reference": "a-1", "occurred_at": "2026-03-02T20:10:00Z"}


async def figures(caller: Caller, first: str, before: str, **more: str) -> Answer:
    return await caller.get("/orders/v1/orders/figures", params={"at.gte": first, "at.lt": before, **more})


def told(answer: Answer) -> dict[str, list[tuple[str, int, int, int]]]:
    """Each currency's buckets: when it begins, orders placed, sold, collected."""
    return {
        one["currency"]: [
            (it["begins_at"], it["placed"], it["sold"]["amount"], it["collected"]["amount"]) for it in one["buckets"]
        ]
        for one in answer.ok()["currencies"]
    }  # fmt: skip


async def now_figures(shop: Shop, **more: str) -> dict[str, tuple[int, int, int, int]]:
    """Each currency's placed, sold, collected and cash out, from 1970 on, by years; one of each is enough for the cash."""
    sums: dict[str, Counter[str]] = {}
    for year in (2025, 2026, 2027):
        answer = (await figures(shop.staff, f"{year}-01-01T00:00:00Z", f"{year + 1}-01-01T00:00:00Z", **more)).ok()
        for one in answer["currencies"]:
            mine = sums.setdefault(one["currency"], Counter())
            mine.update({"placed": one["placed"], "sold": one["sold"]["amount"], "collected": one["collected"]["amount"]})
            mine["cash_out"] = one["cash_out"]["amount"]
    return {currency: (one["placed"], one["sold"], one["collected"], one["cash_out"]) for currency, one in sums.items()}


async def assert_audited(shop: Shop) -> None:
    for check in audit.CHECKS:
        assert await shop.rows("orders", f"select * from ({check.sql}) c where store_id = {{store}}") == [], check.kind


async def zoned(shop: Shop, zone: str) -> None:
    (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS | {"time_zone": zone}, headers={"If-Match": '"v0"'})).ok()


async def test_hours_and_days_are_those_of_the_store(shop: Shop) -> None:
    await zoned(shop, "Asia/Kolkata")
    early = await placed(shop, placed_at="2026-03-01T18:29:59Z")  # 23:59:59 of 1 March there
    await placed(shop, placed_at="2026-03-01T18:30:00Z")  # midnight
    await placed(shop, placed_at="2026-03-02T05:40:00Z", currency="JPY")
    payment = (await act(shop.staff, early, "payments", PAID)).ok()["payments"][0]["payment_id"]
    back = {"reason": "bounced", "occurred_at": "2026-03-04T00:00:00+05:30"}
    (await act(shop.staff, early, f"payments/{payment}/reversals", back)).ok()

    by_day = await figures(shop.staff, "2026-03-01T00:00:00+05:30", "2026-04-01T00:00:00+05:30")
    assert told(by_day) == {
        "BDT": [("2026-03-01T00:00:00+05:30", 1, 11_000, 0), ("2026-03-02T00:00:00+05:30", 1, 11_000, 0),
                ("2026-03-03T00:00:00+05:30", 0, 0, 11_000), ("2026-03-04T00:00:00+05:30", 0, 0, -11_000)],
        "JPY": [("2026-03-02T00:00:00+05:30", 1, 11_000, 0)],
    }  # fmt: skip
    assert (by_day["by"], by_day["time_zone"], by_day["begins_at"], by_day["ends_at"]) == (
        "day", "Asia/Kolkata", "2026-03-01T00:00:00+05:30", "2026-04-01T00:00:00+05:30",
    )  # fmt: skip
    taka, yen = by_day["currencies"]
    assert (taka["placed"], taka["sold"]["decimal"], taka["collected"]["decimal"], taka["cash_out"]["decimal"]) == (
        2,
        "220.00",
        "0.00",
        "0.00",
    )
    assert (yen["placed"], yen["sold"]["decimal"]) == (1, "11000")
    assert taka["buckets"][0]["ends_at"] == "2026-03-02T00:00:00+05:30"

    by_hour = await figures(shop.staff, "2026-03-01T23:30:00+05:30", "2026-03-03T02:00:00+05:30", by="hour", currency="BDT")
    assert told(by_hour) == {
        "BDT": [("2026-03-01T23:30:00+05:30", 1, 11_000, 0), ("2026-03-02T00:00:00+05:30", 1, 11_000, 0),
                ("2026-03-03T01:00:00+05:30", 0, 0, 11_000)],
    }  # fmt: skip
    assert told(await figures(shop.staff, "2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z", currency="USD")) == {}


async def test_an_amendment_and_a_cancellation_count_their_difference_at_their_own_time(shop: Shop) -> None:
    order_id = await placed(shop, placed_at="2026-03-01T10:00:00Z")
    other = await placed(shop, placed_at="2026-03-01T10:00:00Z", payments=[PAID])
    one_less = {"reason": "by phone", "lines": [{"line": 1, "quantity": 1}]}
    (await act(shop.staff, order_id, "amendments", one_less, headers={"If-Match": '"v1"'})).ok()
    (await act(shop.staff, other, "cancel", CANCEL)).ok()
    then = await figures(shop.staff, "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z")
    assert told(then) == {"BDT": [("2026-03-01T00:00:00Z", 2, 22_000, 0), ("2026-03-02T00:00:00Z", 0, 0, 11_000)]}
    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    today = await figures(shop.staff, since.isoformat(), (since + timedelta(days=3)).isoformat())
    assert today.ok()["currencies"][0]["sold"]["amount"] == -5_000 - 11_000
    assert await now_figures(shop) == {"BDT": (2, 6_000, 11_000, 0)}
    await assert_audited(shop)


async def test_cash_is_out_from_pickup_until_it_is_collected(shop: Shop) -> None:
    async def out() -> int:
        return (await now_figures(shop))["BDT"][3]

    order_id, other = await placed(shop), await placed(shop, at="delivered")
    assert await out() == 11_000
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    assert await out() == 11_000
    (await act(shop.staff, order_id, "transitions", {"to": "picked_up"})).ok()
    assert await out() == 22_000
    payment = (await act(shop.staff, order_id, "payments", {"amount": 4_000, "method": "cod", "reference": "part"})).ok()
    assert await out() == 18_000
    (await act(shop.staff, other, "payments", {"amount": 12_000, "method": "cod", "reference": "too much"})).ok()
    assert await out() == 7_000, "what is paid too much takes nothing from what others owe"
    (await act(shop.staff, order_id, f"payments/{payment['payments'][0]['payment_id']}/reversals", {"reason": "bounced"})).ok()
    assert await out() == 11_000
    body = {"reason": "broken", "lines": [{"line": 1, "quantity": 1}]}
    (await act(shop.staff, order_id, "part-cancellations", body)).ok()

    async def credited() -> bool:
        return await out() == 5_500  # the refund service credits the unit with its share of shipping

    assert await eventually(credited)
    assert (await now_figures(shop))["BDT"] == (2, 22_000, 12_000, 5_500), "a part cancellation sells no less: it is credited"
    (await act(shop.customer(), order_id, "cancel", CANCEL)).ok()
    assert (await now_figures(shop))["BDT"] == (2, 11_000, 12_000, 0)
    await assert_audited(shop)


async def test_random_lives_in_parallel_leave_exact_sums(shop: Shop) -> None:
    chance = random.Random(2026)

    async def life(number: int) -> None:
        currency = ("BDT", "USD")[number % 2]
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(300_000))
        order_id = await placed(shop, currency=currency, placed_at=at.isoformat())
        for step in range(chance.randrange(2, 7)):
            match chance.randrange(6):
                case 0:
                    lines = [{"line": 1, "quantity": chance.randrange(1, 5)}]
                    version = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).etag
                    await act(shop.staff, order_id, "amendments", {"reason": "x", "lines": lines}, headers={"If-Match": version})
                case 1 | 2:
                    to = chance.choice(["confirmed", "picked_up", "shipped", "delivered"])
                    await act(shop.staff, order_id, "transitions", {"to": to})
                case 3:
                    body = {"amount": chance.randrange(1, 9_000), "method": "cod", "reference": f"{step}"}
                    payment = (await act(shop.staff, order_id, "payments", body)).ok()["payments"][-1]["payment_id"]
                    if chance.random() < 0.3:
                        await act(shop.staff, order_id, f"payments/{payment}/reversals", {"reason": "x"})
                case 4:
                    await act(shop.staff, order_id, "part-cancellations", {"reason": "x", "lines": [{"line": 1, "quantity": 1}]})
                case 5:
                    await act(shop.customer(), order_id, "cancel", CANCEL)

    for some in range(0, 24, 4):
        await asyncio.gather(*(life(number) for number in range(some, some + 4)))
        await assert_audited(shop)
    real = """select currency, count(*) as placed, sum(total) filter (where status <> 'cancelled') as sold, sum(collected) as collected,
        sum(greatest(0, total - credited_total - collected + refunded_total - written_off_total))
            filter (where status in ('picked_up', 'shipped', 'delivered')) as out from orders where store_id = {store} group by 1"""

    async def exact() -> bool:
        rows = await shop.rows("orders", real)
        return await now_figures(shop) == {
            row["currency"]: tuple(int(row[name] or 0) for name in ("placed", "sold", "collected", "out")) for row in rows
        }

    assert await eventually(exact)  # credits arrive meanwhile

    async def folded() -> bool:
        waiting = "select 1 from figure_deltas where store_id = {store} union all select 1 from cash_out_deltas where store_id = {store}"
        return not await shop.rows("orders", waiting)

    assert await eventually(folded)
    assert await eventually(exact)
    await assert_audited(shop)


async def test_a_batch_counts_each_of_its_orders(shop: Shop) -> None:
    orders = [order_p(placed_at="2026-03-01T10:00:00Z", currency=("BDT", "USD")[n % 2], payments=[PAID][n % 3 :]) for n in range(70)]
    (await shop.platform.post("/orders/v1/orders/batch", json={"orders": orders})).ok()
    prepaid = [n for n in range(70) if n % 3 == 0]
    assert await now_figures(shop) == {
        currency: (35, 385_000, 11_000 * sum(n % 2 == odd for n in prepaid), 0) for odd, currency in enumerate(("BDT", "USD"))
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid"),
        ({"at.lt": ""}, "invalid"),
        ({"by": "week"}, "invalid"),
        ({"currency": "taka"}, "invalid"),
        ({"from": "2026-01-01T00:00:00Z"}, "invalid"),
        ({"at.lt": "2026-01-01T00:00:01Z"}, "not_a_quarter_hour"),
        ({"at.lt": "2027-01-03T00:15:00Z"}, "bad_span"),
        ({"at.lt": "2026-02-02T00:15:00Z", "by": "hour"}, "bad_span"),
        ({"at.lt": "2026-01-01T00:00:00Z"}, "bad_span"),
    ],
)
async def test_what_figures_are_not_told_of(shop: Shop, query: dict[str, str], code: str) -> None:
    asked = {"at.gte": "2026-01-01T00:00:00Z", **query} if query else {}
    if "at.lt" not in asked and query:
        asked["at.lt"] = "2026-01-02T00:00:00Z"
    answer = await shop.staff.get("/orders/v1/orders/figures", params=asked)
    assert (answer.status, answer.code) == (422, code)


async def test_figures_are_the_shops(shop: Shop) -> None:
    day = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    assert (await figures(shop.customer(), *day)).code == "shop_only"
    assert (await figures(shop.reader, *day)).ok()["currencies"] == []
    assert (await shop.platform.get("/orders/v1/orders/figures/actions")).status in (404, 422), "no order has this id"


async def test_what_is_there_already_is_summed_once(stack: Stack) -> None:
    """An upgrade of released rows, one of which was amended; and back."""
    before, this = revisions("orders")[revisions("orders").index("0018") - 1], "0018"
    async with database(stack, "orders") as (url, old):
        await upgrade("orders", url, revisions("orders")[0])
        async with old.transaction():
            await old.execute("set local session_replication_role = replica")
            await old.execute((RELEASED / "orders.sql").read_text())
        await upgrade("orders", url, before)
        async with old.transaction():
            await old.execute("set local session_replication_role = replica")
            await old.execute("""with amended as (
                update orders.orders set lines_version = 2, version = version + 1
                where order_id = (select order_id from orders.orders order by order_id limit 1) returning *)
                insert into orders.changes (store_id, order_id, version, type, by, message, reason, details, occurred_at, recorded_at)
                select store_id, order_id, version, 'order.amended.v1', '{}', '', '',
                    jsonb_build_object('total', total, 'total_before', total + 700), now(), now() from amended""")
        for _ in range(2):
            await upgrade("orders", url, this)
            shown = await old.fetch("select sum(placed) as placed, sum(sold) as sold, sum(collected) as collected from orders.figures")
            real = await old.fetch("""select count(*) as placed, sum(total) filter (where status <> 'cancelled') as sold,
                sum(collected) as collected from orders.orders""")
            assert [dict(row) for row in shown] == [dict(row) for row in real]
            assert [await old.fetch(check.sql) for check in audit.CHECKS] == [[], []]
            assert await old.fetchval("select count(*) from orders.figures where sold = -700") == 1
            await asyncio.to_thread(command.downgrade, config("orders", url), before)
