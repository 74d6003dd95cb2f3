"""What the database itself enforces, and that models, migrations, README and problem table say what the code says."""

import ast
import asyncio
import re
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from fastapi import FastAPI

from services.orders.app import SERVICE
from services.orders.rules.edit import FROZEN_FROM
from services.orders.rules.problems import PROBLEMS
from shared.contracts.events import EVENTS, SOURCES
from shared.data import migrate
from shared.web.problems import KERNEL_PROBLEMS
from tests.services.refunds.own_stack import own_stack
from tests.shop import Shop, order_p
from tests.stack import Stack

ROOM = Path(__file__).resolve().parents[3] / "services" / "orders"


async def test_migrations_make_what_the_models_say(stack: Stack) -> None:
    await asyncio.to_thread(migrate.check, "orders", stack.database_url("orders"))


async def test_reversals_of_before_were_of_all_that_there_was(shop: Shop, tmp_path: Path) -> None:
    """Down to the version before reversals in parts, and up again, with a reversal that was there."""
    paid = [{"amount": 11_000, "method": "card", "reference": "x"}]
    order = (await shop.platform.post("/orders/v1/orders", json=order_p(payments=paid))).ok()
    path = f"/orders/v1/orders/{order['order_id']}/payments/{order['payments'][0]['payment_id']}/reversals"
    (await shop.staff.post(path, json={"reason": "bounced"})).ok()
    own = await asyncio.to_thread(own_stack, shop.stack, tmp_path, "reversals")
    try:
        config = migrate.config("orders", own.database_url("orders"))
        await asyncio.to_thread(command.downgrade, config, "0012")
        connection = await asyncpg.connect(own.database_url("orders"))
        try:
            async with connection.transaction():  # an order and its lines must add up when it ends
                for table in ("orders", "lines", "payments"):
                    columns = await connection.fetchval(
                        """select string_agg(quote_ident(column_name), ', ') from information_schema.columns
                        where table_schema = 'orders' and table_name = $1 and is_generated = 'NEVER'""",
                        table,
                    )
                    rows = f"select jsonb_agg(to_jsonb(t))::text as rows from {table} t where store_id = {{store}}"
                    [found] = await shop.rows("orders", rows)
                    copied = f"select {columns} from jsonb_populate_recordset(null::orders.{table}, $1::jsonb)"
                    await connection.execute(f"insert into orders.{table} ({columns}) {copied}", found["rows"])
            await asyncio.to_thread(command.upgrade, config, "head")
            known = "select amount, stood, stands from orders.payments order by order_version"
            assert [tuple(row) for row in await connection.fetch(known)] == [(11_000, None, 11_000), (-11_000, 11_000, 0)]
            assert await connection.fetchval("select payment from orders.orders") == "unpaid"
        finally:
            await connection.close()
    finally:
        await asyncio.to_thread(own.stop)


@pytest.mark.parametrize(
    "statement",
    [
        "update orders set status = 'pending', version = version + 1 where store_id = {store}",  # backwards
        "update orders set status = 'shipped' where store_id = {store}",  # without a version
        "update orders set version = version + 2 where store_id = {store}",
        "update orders set total = total + 1, goods_total = goods_total + 1, version = version + 1 where store_id = {store}",
        "update orders set customer_id = 'c-2', collected = 0, version = version + 1 where store_id = {store}",
        "update orders set customer_id = 'c-2' where store_id = {store}",
        "update orders set collected = -1, version = version + 1 where store_id = {store}",
        "update lines set total = total where store_id = {store}",
        "delete from payments where store_id = {store}",
        "delete from lines where store_id = {store}",
        "update stock_levels set on_hand = -1 where store_id = {store}",
        "insert into stock_movements select store_id, sku, sequence + 1, 5, 6, cause, order_id, reason, by, recorded_at"
        " from stock_movements where store_id = {store}",  # the same cause again
        "insert into payments select store_id, gen_random_uuid(), order_id, 3, 1, method, reference, null, null, occurred_at, recorded_at"
        " from payments where store_id = {store}",  # the same reference again
    ],
)
async def test_the_database_refuses(shop: Shop, statement: str) -> None:
    paid = [{"amount": 1, "method": "card", "reference": "x"}]
    order = (await shop.platform.post("/orders/v1/orders", json=order_p(payments=paid))).ok()
    (await shop.staff.post(f"/orders/v1/orders/{order['order_id']}/transitions", json={"to": "confirmed"})).ok()
    (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": 1})).ok()
    with pytest.raises((asyncpg.IntegrityConstraintViolationError, asyncpg.GeneratedAlwaysError)):
        await shop.rows("orders", statement)


def _codes() -> set[str]:
    """The first argument of every refused(…), Refused(…), Invalid(…), … in the service: the codes it can answer with."""
    makers = {"refused", "forbidden", "not_yet", "Refused", "Invalid", "_invalid", "TooLarge", "Forbidden", "Unauthenticated"}
    found = set()
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
                    found.add(first.value)
    return found


def test_every_refusal_is_explained_and_every_explanation_used() -> None:
    from_templates = {
        *(f"{part}_frozen" for part in FROZEN_FROM),
        "discount_too_large",
        "amount_too_large",
        "figures_do_not_add_up",
    }
    codes = _codes() | from_templates
    assert codes - set(PROBLEMS) - set(KERNEL_PROBLEMS) == set()
    assert set(PROBLEMS) - codes == set()


def _table(readme: str, heading: str) -> set[str]:
    section = readme.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return {cell for row in section.splitlines() if row.startswith("| `") for cell in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_the_readme_says_what_the_code_says() -> None:
    readme = (ROOM / "README.md").read_text()
    assert _table(readme, "Owns") == {name.split(".")[1] for name in SERVICE.metadata.tables}
    app = FastAPI()
    app.include_router(SERVICE.router)
    operations = {operation["operationId"] for path in app.openapi()["paths"].values() for operation in path.values()}
    assert _table(readme, "Calls") == operations
    assert _table(readme, "Events in") == set(SERVICE.consumers.handlers)
    assert _table(readme, "Events out") == {name for name in EVENTS if name.split(".")[0] in SOURCES["orders"]}
    assert _table(readme, "Refusals") == set(PROBLEMS)
