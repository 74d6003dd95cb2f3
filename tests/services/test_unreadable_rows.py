"""One row that cannot be read harms no other: it is left out of its list and its export, noted, and everything else is there.

Planted directly in the database, for every list of all services and one kind of value for each type of column.
"""

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest

from shared.contracts.ids import uuid_of
from tests.services.planted import NO_DAYS, NO_JSON, NO_TIMES, admin_of, planted
from tests.services.schemathesis_world import PNG
from tests.shop import Shop, eventually, order_p
from tests.stack import Stack

ORDERS = 3


@dataclass(frozen=True)
class List:
    """A list over HTTP: where it is, what its items' id is called, and in which column of which table it lies."""

    service: str
    table: str
    path: str
    id_name: str
    export: str = ""
    key: str = ""
    within: str = "items"

    @property
    def column(self) -> str:
        return self.key or self.id_name


LISTS = {
    "orders": List("orders", "orders", "/v1/orders", "order_id", "/v1/orders/export"),
    "by customer": List("orders", "orders", "/v1/orders?customer_id=c-1", "order_id", "/v1/orders/export?customer_id=c-1"),
    "by sku": List("orders", "orders", "/v1/orders?q=TEE-1", "order_id", "/v1/orders/export?q=TEE-1"),
    "history": List("orders", "changes", "/v1/orders/ORDER", "version", within="timeline"),
    "levels": List("orders", "stock_levels", "/v1/stock", "sku"),
    "movements": List("orders", "stock_movements", "/v1/stock/A/movements", "sequence"),
    "settings": List("orders", "settings", "/v1/orders-settings/history", "version"),
    "refunds": List("refunds", "refunds", "/v1/refunds", "refund_id", "/v1/refunds/export"),
    "attention": List("refunds", "attention", "/v1/refunds/attention", "attention_id"),
    "policies": List("refunds", "settings", "/v1/refund-policy/history", "version"),
    "files": List("refunds", "attachments", "/v1/refunds/REFUND", "attachment_id", within="attachments"),
    "notes": List("notes", "notes", "/v1/notes?order_id=ORDER", "note_id"),
    "timeline": List("notes", "timeline", "/v1/timeline/ORDER", "entry_id", key="event_id"),
    "documents": List("documents", "documents", "/v1/documents", "document_id"),
    "of order": List("documents", "documents", "/v1/documents/orders/ORDER", "document_id"),
}
TIMES = {"orders": "placed_at", "by customer": "placed_at", "by sku": "placed_at", "history": "occurred_at", "levels": "changed_at",
         "movements": "recorded_at", "settings": "saved_at", "refunds": "requested_at", "attention": "opened_at",
         "policies": "valid_from", "files": "uploaded_at", "notes": "written_at", "timeline": "occurred_at", "documents": "issued_at",
         "of order": "issued_at"}  # fmt: skip
OTHERS = [
    ("orders", "currency", "XXQ"),
    ("orders", "status", "lost"),
    ("refunds", "currency", "XXQ"),
    ("refunds", "settlement", "lost"),
    ("refunds", "decided_at", "infinity"),
    ("notes", "by_role", "nobody"),
    ("notes", "edited_at", "-infinity"),
    ("documents", "currency", "XXQ"),
    *(("documents", "issued_on", day) for day in NO_DAYS),
    *(("timeline", "details", value) for value in NO_JSON),
    *(("timeline", "internal", value) for value in NO_JSON),
    *(("attention", "facts", value) for value in NO_JSON),
    *(("history", "by", value) for value in ('"nobody"', "null", *NO_JSON)),
]
KINDS = [*((name, column, value) for name, column in TIMES.items() for value in NO_TIMES), *OTHERS]


@dataclass
class World:
    """A store with at least three rows in every list."""

    shop: Shop
    admin: Any
    order_id: str
    refund_id: str

    def at(self, path: str) -> str:
        return path.replace("ORDER", self.order_id).replace("REFUND", self.refund_id)

    async def items(self, one: List, more: str = "") -> list[str]:
        """The ids of a list, as staff sees it."""
        path = f"/{one.service}{self.at(one.path)}"
        answer = (await self.shop.staff.get(path + more)).ok()
        return [str(item[one.id_name]) for item in answer[one.within]]


@pytest.fixture(scope="module")
async def world(stack: Stack, client: httpx2.AsyncClient, pools: dict[str, asyncpg.Pool]) -> AsyncIterator[World]:
    shop = Shop(stack, client, pools)
    for sku, number in itertools.product("ABC", range(3)):
        (await shop.staff.put(f"/orders/v1/stock/{sku}", json={"on_hand": number + 1})).ok()
    for number in range(3):
        settings = {"cancel_preset": "cancellation-control", "customer_cancel_until": "delivered", "stock": False,
                    "number_prefix": f"P{number}-", "time_zone": "UTC"}  # fmt: skip
        (await shop.staff.put("/orders/v1/orders-settings", json=settings, headers={"If-Match": f'"v{number}"'})).ok()
        policy = {"manage_stock": False, "attachments": True, "deduct_shipping": False, "window_days": 100 + number}
        (await shop.staff.put("/refunds/v1/refund-policy", json=policy, headers={"If-Match": f'"v{number}"'})).ok()
    made = [await _life(shop) for _ in range(ORDERS)]
    admin = await admin_of(stack)
    yield World(shop, admin, *made[0])
    await admin.close()


async def _life(shop: Shop) -> tuple[str, str]:
    """A paid and delivered order with a refund that was settled twice, three files on another, notes and documents."""
    paid = {"payments": [{"amount": 11_000, "method": "card", "reference": "pay-1"}]}
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p(**paid))).ok()["order_id"]
    for step in ("confirmed", "delivered"):
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": step})).ok()
    files = {"file": ("photo.png", PNG, "image/png")}
    uploads = [(await shop.customer().post("/refunds/v1/attachments", files=files)).ok()["attachment_id"] for _ in range(3)]
    body = {"order_id": order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged", "attachments": uploads}

    async def asked() -> str:
        return str((await shop.customer().post("/refunds/v1/refunds", json=body)).ok()["refund_id"])

    refund_id = await eventually(asked)
    (await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/approve", json={})).ok()
    for reference in ("first", "second"):
        report = {"outcome": "succeeded", "reference": reference, "method": "card"}
        (await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/settlements", json=report)).ok()

    async def noted() -> bool:
        note = {"order_id": order_id, "audience": "customer", "text": "Your parcel waits."}
        return (await shop.staff.post("/notes/v1/notes", json=note)).ok().status == 201

    for _ in range(3):
        await eventually(noted)

    async def documented() -> bool:
        kinds = [item["kind"] for item in (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]]
        assert sorted(kinds) == ["credit_note", "invoice", "receipt"]
        entries = (await shop.staff.get(f"/notes/v1/timeline/{order_id}")).ok()["items"]
        return len([entry for entry in entries if entry["type"] == "document.issued"]) == 3

    await eventually(documented)
    return order_id, refund_id


def _as_key(text: str) -> Any:
    """An id as its column holds it."""
    prefix, _, rest = text.rpartition("_")
    return uuid_of(prefix, text) if len(rest) == 26 and prefix else UUID(text) if len(text) == 36 else int(text) if text.isdigit() else text


async def _where(world: World, one: List, item: str) -> tuple[str, list[Any]]:
    """The row of an item."""
    where, key = f"store_id = $1 and {one.column} = $2", [world.shop.store, _as_key(item)]
    if one.table == "changes":
        where, key = f"{where} and order_id = $3", [*key, uuid_of("order", world.order_id)]
    if one.table == "stock_movements":
        where, key = f"{where} and sku = $3", [*key, "A"]
    return where, key


@pytest.mark.parametrize(("name", "column", "value"), KINDS, ids=lambda value: str(value)[:24])
async def test_a_list_and_its_export_lose_one_row_and_no_other(world: World, name: str, column: str, value: str) -> None:
    one = LISTS[name]
    whole = await world.items(one)
    assert len(whole) >= 3
    bad = whole[1]
    where, key = await _where(world, one, bad)
    noted = "select times from set_aside where store_id = {store} and place = $2 and row_key like '%' || $3"
    async with planted(world.admin, f"{one.service}.{one.table}", column, value, where, *key):
        left = sorted(item for item in whole if item != bad)
        assert sorted(await world.items(one)) == left
        if "limit" in (await _parameters(world, one)):
            assert sorted(await _page_by_page(world, one)) == left, "no page ends at the row"
        if one.export:
            assert await _exported(world, one, whole) == left
        assert await world.shop.rows(one.service, noted, one.table, bad) != []
    assert await world.items(one) == whole


async def _parameters(world: World, one: List) -> set[str]:
    document = (await world.shop.staff.get(f"/{one.service}/service/openapi.json")).ok().body
    path = one.path.partition("?")[0].replace("ORDER", "{order_id}").replace("REFUND", "{refund_id}").replace("/A/", "/{sku}/")
    return {parameter["name"] for parameter in document["paths"][path]["get"].get("parameters", []) if parameter["in"] == "query"}


async def _page_by_page(world: World, one: List) -> list[str]:
    found, cursor, path = [], "", f"/{one.service}{world.at(one.path)}"
    sign = "&" if "?" in path else "?"
    if one.table == "settings":
        return await world.items(one)  # has a limit and no cursor
    for _ in range(100):
        answer = (await world.shop.staff.get(f"{path}{sign}limit=1{cursor}")).ok()
        found += [str(item[one.id_name]) for item in answer[one.within]]
        if answer["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer['next_cursor']}"
    raise AssertionError(f"a list without an end: {found}")


async def _exported(world: World, one: List, ids: list[str]) -> list[str]:
    """Which of these ids stand in the export, in both of its formats."""
    path = f"/{one.service}{one.export}{'&' if '?' in one.export else '?'}format="
    lines = (await world.shop.staff.get(f"{path}jsonl")).ok().content.splitlines()
    table = (await world.shop.staff.get(f"{path}csv")).ok().content.decode()
    found = sorted(str(json.loads(line)[one.id_name]) for line in lines)
    assert found == sorted(one_id for one_id in ids if one_id in table)
    return found


@pytest.mark.parametrize(
    ("table", "column", "value", "path"),
    [
        ("orders.orders", "placed_at", "infinity", "/orders/v1/orders/ORDER"),
        ("orders.orders", "metadata", NO_JSON[0], "/orders/v1/orders/ORDER"),
        ("orders.orders", "currency", "XXQ", "/orders/v1/orders/ORDER/actions"),
        ("refunds.refunds", "requested_at", "0044-03-15 BC", "/refunds/v1/refunds/REFUND"),
        ("refunds.refunds", "explanation", "1e5000", "/refunds/v1/refunds/REFUND"),
        ("refunds.orders", "delivered_at", "infinity", "/refunds/v1/refunds/refundable/ORDER"),
        ("documents.orders", "data", '{"order_id": 1}', "/documents/v1/documents/orders/ORDER"),
    ],
)  # fmt: skip
async def test_reading_the_row_itself_is_a_problem_that_says_so(world: World, table: str, column: str, value: str, path: str) -> None:
    service, _, table = table.partition(".")
    by_refund = table == "refunds"
    key = uuid_of("refund", world.refund_id) if by_refund else uuid_of("order", world.order_id)
    where = f"store_id = $1 and {'refund_id' if by_refund else 'order_id'} = $2"
    wished = "actions" if path.endswith("actions") else "read"
    async with planted(world.admin, f"{service}.{table}", column, value, where, world.shop.store, key):
        answer = await world.shop.staff.get(world.at(path))
        if wished == "read":
            assert (answer.status, answer.code) == (500, "unreadable_row")
            noted = "select reason from set_aside where store_id = {store} and place = $2"
            assert {row["reason"] for row in await world.shop.rows(service, noted, table)} == {"unreadable"}
        else:
            assert answer.status == 200, "it needs nothing of what is broken"
    assert (await world.shop.staff.get(world.at(path))).status == 200


async def test_a_bulk_call_answers_for_each_of_its_orders(world: World) -> None:
    placed = [(await world.shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"] for _ in range(3)]
    key = (world.shop.store, uuid_of("order", placed[1]))
    async with planted(world.admin, "orders.orders", "delivery_failed_at", "infinity", "store_id = $1 and order_id = $2", *key):
        body = {"items": [{"order_id": order_id, "to": "confirmed"} for order_id in placed]}
        moved = (await world.shop.staff.post("/orders/v1/orders/transitions", json=body)).ok()
        assert [(item["status"], (item["problem"] or {}).get("code")) for item in moved["items"]] == [
            (200, None), (500, "unreadable_row"), (200, None),
        ]  # fmt: skip
