"""P6: never refund too much, whatever the concurrency and whoever dies. The lock and the constraints are each shown alone too."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from shared.contracts.ids import new_uuid, uuid_of
from tests.services.refunds.crowd import Crowd, an_order_of_1000, assert_all_accounted
from tests.services.refunds.own_stack import own_stack
from tests.services.refunds.scenes import amounts, approve, ask, cancel, delivered, everything, order, pay, prepaid, refunds_of
from tests.shop import Shop, eventually
from tests.stack import Process, Stack

CLIENTS = 64
KILLS = 2


@asynccontextmanager
async def the_order_is_held(shop: Shop, order_id: str) -> AsyncIterator[None]:
    """Hold the order's row, so that whatever is asked meanwhile meets at the same moment."""
    connection = await asyncpg.connect(shop.stack.database_url("refunds"))
    try:
        async with connection.transaction():
            held = "select 1 from refunds.orders where store_id = $1 and order_id = $2 for update"
            assert await connection.fetchval(held, shop.store, uuid_of("order", order_id)) == 1
            yield
    finally:
        await connection.close()


async def waiting_for_locks(shop: Shop, number: int) -> bool:
    """Whether so many statements of the service wait for somebody else's lock."""
    sql = "select count(*) from pg_stat_activity where usename = current_user and wait_event_type = 'Lock' and $1 <> ''"
    [row] = await shop.rows("refunds", sql)
    return bool(row["count"] >= number)


# -- races that happened elsewhere (reliability.md section 2) ---------------------------------------------------------------


async def test_over_refund_by_parallel_requests(shop: Shop) -> None:
    """juspay/hyperswitch#13182, saleor#19645: check, then insert. One of 32 gets the last unit, 31 hear why not."""
    order_id = await delivered(shop, **prepaid())
    (await ask(shop.customer(), order_id, (1, 1))).ok()
    async with the_order_is_held(shop, order_id):
        asking = asyncio.gather(*(ask(shop.customer(), order_id, (1, 1)) for _ in range(32)))
        await eventually(lambda: waiting_for_locks(shop, 8))
    answers = await asking
    assert sorted(answer.status for answer in answers) == [201] + [409] * 31
    assert {answer.code for answer in answers if answer.status == 409} == {"units_not_free"}
    held = await everything(shop, order_id)
    assert len(held["refunds"]) == len(held["events"]) == 2
    assert sorted((claim["first"], claim["last"]) for claim in held["claims"]) == [(1, 1), (2, 2)]


async def test_over_refund_by_parallel_approvals(shop: Shop) -> None:
    """60.00 of 110.00 is there: whichever of two refunds comes first pays what nobody owes, the other the rest, each once."""
    order_id = await delivered(shop, **prepaid(6_000))
    asked = [(await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"] for _ in range(2)]
    answers = await asyncio.gather(*(approve(shop, refund_id) for refund_id in asked * 8))
    assert [answer.status for answer in answers].count(200) == 2
    assert {answer.code for answer in answers if answer.status != 200} == {"already_approved"}
    held = await everything(shop, order_id)
    chain = sorted((row["approved_before"], row["amount"], row["collected_seen"]) for row in held["approvals"])
    assert chain == [(0, 500, 6_000), (500, 5_500, 6_000)]
    assert sorted((row["part"], row["before"], row["amount"]) for row in held["credits"]) == [
        (0, 0, 500), (0, 500, 500), (1, 0, 5_000), (1, 5_000, 5_000),
    ]  # fmt: skip
    assert [event["type"] for event in held["events"]].count("refund.approved.v1") == 2


async def test_over_credit_by_parallel_goodwill(shop: Shop) -> None:
    """Sixteen times 60.00 of a line of 100.00 at the same moment: one is given, the others hear what is left."""
    order_id = await delivered(shop, **prepaid())
    body = {"order_id": order_id, "kind": "goodwill", "line": 1, "amount": 6_000}
    async with the_order_is_held(shop, order_id):
        giving = asyncio.gather(*(shop.staff.post("/refunds/v1/refunds/adjustments", json=body) for _ in range(16)))
        await eventually(lambda: waiting_for_locks(shop, 8))
    answers = await giving
    assert sorted(answer.status for answer in answers) == [201] + [409] * 15
    assert {(answer.code, answer["left"]) for answer in answers if answer.status == 409} == {("more_than_left", 4_000)}
    held = await everything(shop, order_id)
    assert [(row["part"], row["before"], row["amount"]) for row in held["credits"]] == [(1, 0, 6_000)]
    assert len(held["refunds"]) == len(held["approvals"]) == len(held["events"]) == 1


async def test_double_click_makes_one_refund(shop: Shop) -> None:
    """openfoodfoundation/openfoodnetwork#6330: the same key 64 times is one refund and one approval."""
    order_id = await delivered(shop, **prepaid())
    body = {"order_id": order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged"}
    asked = await asyncio.gather(*(shop.customer().post("/refunds/v1/refunds", json=body, key="click") for _ in range(CLIENTS)))
    done = [answer for answer in asked if answer.status == 201]
    assert done
    assert {answer.content for answer in done} == {done[0].content}
    assert {answer.code for answer in asked if answer.status != 201} <= {"in_progress"}
    path = f"/refunds/v1/refunds/{done[0]['refund_id']}/approve"
    approved = await asyncio.gather(*(shop.staff.post(path, json={}, key="approve") for _ in range(CLIENTS)))
    assert {answer.status for answer in approved} <= {200, 409}
    held = await everything(shop, order_id)
    assert (len(held["refunds"]), len(held["approvals"]), len(held["events"])) == (1, 1, 2)


@pytest.mark.parametrize("quantity", [0, -1, -2, 1_000_001, 1.5, "1", True, None])
async def test_negative_and_odd_quantities_are_refused(shop: Shop, quantity: Any) -> None:
    """juspay/hyperswitch#11491: a negative amount passes an upper bound."""
    order_id = await delivered(shop, **prepaid())
    before = await everything(shop, order_id)
    body = {"order_id": order_id, "lines": [{"line": 1, "quantity": quantity}], "reason": "damaged"}
    refused = await shop.customer().post("/refunds/v1/refunds", json=body)
    assert (refused.status, refused.code, refused["errors"][0]["pointer"]) == (422, "invalid", "/lines/0/quantity")
    assert await everything(shop, order_id) == before


async def test_a_later_reversal_raises_attention_and_undoes_nothing(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    payment_id = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"][0]["payment_id"]
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    (await approve(shop, refund_id)).ok()
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments/{payment_id}/reversals", json={"reason": "bounced"})).ok()

    async def rows() -> list[dict[str, Any]]:
        return list((await shop.staff.get("/refunds/v1/refunds/attention")).ok()["items"])

    [matter] = await eventually(rows)
    assert (matter["kind"], matter["order_id"]) == ("approved_above_collected", order_id)
    assert matter["facts"] == {"approved": 5_500, "collected": 0, "currency": "BDT"}
    [refund] = await refunds_of(shop, order_id)
    assert (refund["status"], amounts(refund)[0]) == ("approved", 5_500)


# -- the constraints alone: past the code, straight into the tables --------------------------------------------------------------


async def refusal(shop: Shop, sql: str, *values: Any) -> type[asyncpg.PostgresError] | None:
    """How the database refuses a statement; None where it takes it."""
    try:
        await shop.rows("refunds", sql, *values)
    except asyncpg.PostgresError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("first", "last", "error"),
    [
        (2, 2, asyncpg.UniqueViolationError),  # the very same unit
        (1, 3, asyncpg.ExclusionViolationError),  # around it
        (4, 4, asyncpg.CheckViolationError),  # beyond what was bought
        (0, 1, asyncpg.CheckViolationError),
        (3, 2, asyncpg.CheckViolationError),
        (1, 1, None),
        (3, 3, None),
    ],
)
async def test_a_unit_is_claimed_once_without_any_lock(
    shop: Shop, first: int, last: int, error: type[asyncpg.PostgresError] | None
) -> None:
    order_id = await delivered(shop, lines=[{"sku": "A", "name": "A", "quantity": 3, "total": 300}])
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    key = uuid_of("order", order_id)
    await shop.rows("refunds", "update claims set first = 2, last = 2 where store_id = {store} and order_id = $2", key)
    [line] = await shop.rows("refunds", "select slot, quantity from order_lines where store_id = {store} and order_id = $2", key)
    sql = (
        "insert into claims (store_id, order_id, line, first, last, slot, line_quantity, refund_id) "
        "values ({store}, $2, 1, $3, $4, $5, $6, $7) returning 1 as done"
    )
    values = (key, first, last, line["slot"], line["quantity"], uuid_of("refund", refund_id))
    assert await refusal(shop, sql, *values) is error


async def test_a_claim_cannot_lie_about_its_line(shop: Shop) -> None:
    """Another slot would leave its line's place free, a greater quantity would go beyond what was bought."""
    order_id = await delivered(shop)
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    for lie in ("slot = -slot", "line_quantity = 3, first = 3, last = 3"):  # slots count over all stores: the next may be taken
        sql = f"update claims set {lie} where store_id = {{store}} and refund_id = $2"
        assert await refusal(shop, sql, uuid_of("refund", refund_id)) is asyncpg.ForeignKeyViolationError


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"number": 1, "before": 0, "amount": 1}, asyncpg.UniqueViolationError),  # a second first one: the race without a lock
        ({"number": 2, "before": 0, "amount": 1}, asyncpg.ForeignKeyViolationError),  # does not begin where the first ended
        ({"number": 3, "before": 5_500, "amount": 1}, asyncpg.ForeignKeyViolationError),  # skips one
        ({"number": 2, "before": 5_500, "amount": 501}, asyncpg.CheckViolationError),  # one cent more than was collected
        ({"number": 2, "before": 5_500, "amount": -1}, asyncpg.CheckViolationError),
        ({"number": 2, "before": 5_500, "amount": 500}, None),
    ],
)
async def test_money_is_approved_in_a_chain_without_any_lock(
    shop: Shop, row: dict[str, int], error: type[asyncpg.PostgresError] | None
) -> None:
    order_id = await delivered(shop, **prepaid())
    asked = [(await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"] for _ in range(2)]
    (await approve(shop, asked[0])).ok()
    sql = (
        "insert into approvals (store_id, order_id, number, refund_id, amount, collected_seen, approved_before, approved_at) "
        "values ({store}, $2, $3, $4, $5, 6000, $6, now()) returning approved_after"
    )
    values = (uuid_of("order", order_id), row["number"], uuid_of("refund", asked[1]), row["amount"], row["before"])
    assert await refusal(shop, sql, *values) is error


async def test_one_automatic_refund_per_cause_without_any_lock(shop: Shop) -> None:
    order_id = await order(shop, **prepaid(3_000))
    await cancel(shop.customer(), order_id)
    await pay(shop, order_id, 8_000)
    copy = "insert into refunds select (jsonb_populate_record(r, jsonb_build_object('refund_id', $3::uuid))).* from refunds r"
    for refund in await refunds_of(shop, order_id, 2):
        sql = f"{copy} where store_id = {{store}} and refund_id = $2"
        assert await refusal(shop, sql, uuid_of("refund", refund["refund_id"]), new_uuid()) is asyncpg.UniqueViolationError


# -- 64 clients on one order of 1,000 units -----------------------------------------------------------------------------------------


@pytest.fixture
async def fragile(stack: Stack, shop: Shop) -> AsyncIterator[tuple[Shop, "Mortal"]]:
    """The shop, talking to a refunds API process of its own, which may be killed."""
    mortal = Mortal(stack)
    await asyncio.to_thread(mortal.start)
    there = Stack(**{**vars(stack), "urls": stack.urls | mortal.process.urls, "processes": []})
    yield Shop(there, shop._client, shop._pools), mortal
    mortal.process.stop()


class Mortal:
    """A refunds API that dies and comes back on its port."""

    process: Process

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ports: dict[str, int] | None = None

    def start(self) -> None:
        """Start, or start again."""
        self.process = self._stack.run("refunds", roles=("api",), ports=self._ports)
        self._ports = {"refunds": int(self.process.urls["refunds"].rsplit(":", 1)[1])}
        self.process.wait_until_ready()

    async def die_now_and_then(self, times: int, luck: random.Random) -> None:
        """SIGKILL in the middle of the work, `times` times."""
        for _ in range(times):
            await asyncio.sleep(luck.uniform(0.3, 1.0))  # when, not whether: what is waited for are the clients
            self.process.kill()
            await asyncio.to_thread(self.start)


async def test_an_order_of_1000_units_under_64_clients_and_kills(fragile: tuple[Shop, Mortal]) -> None:
    shop, mortal = fragile
    order_id = await an_order_of_1000(shop)
    crowd = Crowd(shop, order_id, random.Random(6))
    await asyncio.gather(mortal.die_now_and_then(KILLS, random.Random(7)), crowd.play())
    await crowd.sweep()
    await assert_all_accounted(crowd)


async def test_the_lock_alone_holds(stack: Stack, client: httpx2.AsyncClient) -> None:
    """The same crowd on a database without the constraints."""
    with tempfile.TemporaryDirectory(prefix="aftersale-p6-") as folder:
        alone = await asyncio.to_thread(_without_constraints, stack, Path(folder))
        pools: dict[str, asyncpg.Pool] = {}
        try:
            shop = Shop(alone, client, pools)
            order_id = await an_order_of_1000(shop)
            crowd = Crowd(shop, order_id, random.Random(8))
            await crowd.play()
            await crowd.sweep()
            await assert_all_accounted(crowd)
        finally:
            for pool in pools.values():
                await pool.close()
            await asyncio.to_thread(alone.stop)


def _without_constraints(stack: Stack, folder: Path) -> Stack:
    """A stack of its own, on the same servers, whose refunds have no claim, approval or credit constraint."""
    made = own_stack(stack, folder, "p6")
    asyncio.run(_drop_constraints(made.database_url("refunds")))
    made.urls = made.run("orders", "refunds").wait_until_ready().urls
    return made


async def _drop_constraints(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("alter table refunds.claims drop constraint ex_claims_a_unit_once, drop constraint ck_claims_within_the_line")
    await connection.execute(
        "alter table refunds.approvals drop constraint fk_approvals_chain, drop constraint ck_approvals_never_too_much, "
        "drop constraint pk_approvals"
    )
    await connection.execute(
        "alter table refunds.credits drop constraint fk_credits_chain, drop constraint ck_credits_never_too_much, "
        "drop constraint pk_credits"
    )
    await connection.close()
