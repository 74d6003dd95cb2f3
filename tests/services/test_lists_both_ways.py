"""Every list of every service, page by page: forward and back, nothing is lost and nothing comes twice."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.documents.test_document_settings import SETTINGS as LETTERHEAD
from tests.services.orders.test_placing import SETTINGS as ORDER_SETTINGS
from tests.services.refunds.scenes import approve, ask, delivered, move, order, policy, prepaid
from tests.shop import Shop, eventually

OPENAPI = json.loads(Path("shared/web/published/openapi.json").read_text())
MANY = 5
LIMIT = 2
LONGEST = 100  # characters of a SKU


async def orders(shop: Shop) -> str:
    for _ in range(MANY):
        await order(shop)
    return "/orders/v1/orders"


async def stock(shop: Shop) -> str:
    """SKUs of the widest letters, as many on hand of each: a cursor then holds a whole SKU."""
    wide = [("শাড়ি-" * LONGEST)[: LONGEST - 1], "🪔" * (LONGEST - 1)]
    for sku in (f"{letters}{number}" for letters in wide for number in range(MANY)):
        (await shop.staff.put(f"/orders/v1/stock/{sku}", json={"on_hand": 7})).ok()
    return "/orders/v1/stock"


async def movements(shop: Shop) -> str:
    for on_hand in range(1, MANY + 1):
        (await shop.staff.put("/orders/v1/stock/শাড়ি", json={"on_hand": on_hand})).ok()
    return "/orders/v1/stock/শাড়ি/movements"


async def settings(shop: Shop, path: str, bodies: Callable[[int], dict[str, Any]]) -> str:
    for version in range(MANY):
        (await shop.staff.put(path, json=bodies(version), headers={"If-Match": f'"v{version}"'})).ok()
    return f"{path}/history"


async def order_settings(shop: Shop) -> str:
    return await settings(shop, "/orders/v1/orders-settings", lambda version: ORDER_SETTINGS | {"number_prefix": f"S{version}-"})


async def note_settings(shop: Shop) -> str:
    return await settings(shop, "/notes/v1/notes-settings", lambda version: {"customer_answers": version % 2 == 1})


async def document_settings(shop: Shop) -> str:
    return await settings(shop, "/documents/v1/documents-settings", lambda version: LETTERHEAD | {"footer": f"{version}"})


async def policies(shop: Shop) -> str:
    for days in range(MANY):
        await policy(shop, window_days=days)
    return "/refunds/v1/refund-policy/history"


async def refunds(shop: Shop) -> str:
    line = {"sku": "TEE-1", "name": "T-shirt", "quantity": MANY, "unit_price": 2000}
    order_id = await delivered(shop, lines=[line], **prepaid())
    for _ in range(MANY):
        (await ask(shop.customer(), order_id, (1, 1))).ok()
    return "/refunds/v1/refunds"


async def attention(shop: Shop) -> str:
    for refund in (await shop.staff.get(await refunds(shop))).ok()["items"]:
        (await approve(shop, refund["refund_id"])).ok()
        for reference in ("first", "second"):  # the second success needs a person's attention
            report = {"outcome": "succeeded", "reference": reference, "method": "card"}
            (await shop.staff.post(f"/refunds/v1/refunds/{refund['refund_id']}/settlements", json=report)).ok()
    return "/refunds/v1/refunds/attention"


async def note(shop: Shop, order_id: str) -> None:
    """A customer's note on an order, once notes knows the order."""
    body = {"order_id": order_id, "audience": "customer", "text": "Where is it?"}

    async def written() -> bool:
        (await shop.customer().post("/notes/v1/notes", json=body)).ok()
        return True

    await eventually(written)


async def notes(shop: Shop) -> str:
    order_id = await order(shop)
    for _ in range(MANY):
        await note(shop, order_id)
    return f"/notes/v1/notes?order_id={order_id}"


async def unread(shop: Shop) -> str:
    for _ in range(MANY):
        await note(shop, await order(shop))
    return "/notes/v1/notes/unread"


async def timeline(shop: Shop) -> str:
    order_id = await order(shop)
    await move(shop, order_id, "confirmed", "picked_up", "shipped", "delivered")
    path = f"/notes/v1/timeline/{order_id}"
    return await told(shop, path, MANY + 1)  # and the invoice


async def documents(shop: Shop) -> str:
    for _ in range(MANY):
        await order(shop, **prepaid())
    return await told(shop, "/documents/v1/documents", MANY)


async def waiting(shop: Shop) -> str:
    """Credits about invoices that another system has yet to name."""
    elsewhere = {"issue": {"invoice": {"mode": "elsewhere"}}}
    (await shop.staff.put("/documents/v1/documents-settings", json=elsewhere, headers={"If-Match": '"v0"'})).ok()
    for refund in (await shop.staff.get(await refunds(shop))).ok()["items"]:
        (await approve(shop, refund["refund_id"])).ok()
    return await told(shop, "/documents/v1/documents/waiting", MANY)


async def told(shop: Shop, path: str, number: int) -> str:
    """A list once it has as many items as events will have made."""

    async def there() -> bool:
        return len((await shop.staff.get(path)).ok()["items"]) == number

    await eventually(there)
    return path


async def endpoints(shop: Shop) -> str:
    for number in range(MANY):
        (await shop.staff.post("/webhooks/v1/webhooks/endpoints", json={"url": f"https://hooks.example/{number}"})).ok()
    return "/webhooks/v1/webhooks/endpoints"


async def deliveries(shop: Shop) -> str:
    """Of a paused endpoint, so that none of them moves."""
    made = (await shop.staff.post("/webhooks/v1/webhooks/endpoints", json={"url": "https://hooks.example/in"})).ok()["endpoint_id"]
    (await shop.staff.patch(f"/webhooks/v1/webhooks/endpoints/{made}", {"state": "paused"})).ok()
    for _ in range(MANY):
        await order(shop)
    return await told(shop, f"/webhooks/v1/webhooks/deliveries?endpoint_id={made}", MANY)


LISTS: dict[str, Callable[[Shop], Awaitable[str]]] = {
    "orders_order_list": orders,
    "orders_stock_list": stock,
    "orders_stock_movement_list": movements,
    "orders_settings_history_list": order_settings,
    "refunds_refund_list": refunds,
    "refunds_attention_list": attention,
    "refunds_policy_history_list": policies,
    "notes_note_list": notes,
    "notes_unread_list": unread,
    "notes_timeline_read": timeline,
    "notes_settings_history_list": note_settings,
    "documents_document_list": documents,
    "documents_waiting_list": waiting,
    "documents_settings_history_list": document_settings,
    "webhooks_endpoint_list": endpoints,
    "webhooks_delivery_list": deliveries,
}


def test_no_list_is_left_out() -> None:
    operations = [one for ways in OPENAPI["paths"].values() for one in ways.values()]
    paged = {one["operationId"] for one in operations if any(it["name"] == "cursor" for it in one.get("parameters", ()))}
    assert paged == LISTS.keys()


@pytest.mark.parametrize("name", LISTS)
async def test_pages_go_forward_and_back(shop: Shop, name: str) -> None:
    path = await LISTS[name](shop)
    whole = still((await shop.staff.get(path, params=query(path, limit="200"))).ok().body)["items"]
    assert len(whole) >= MANY

    forward = await pages(shop, path, "next_cursor", None)
    assert [item for page in forward for item in page["items"]] == whole
    assert all(0 < len(page["items"]) <= LIMIT for page in forward)

    back = await pages(shop, path, "previous_cursor", forward[-1]["previous_cursor"])
    assert [page["items"] for page in back] == [page["items"] for page in forward[-2::-1]]

    again = await pages(shop, path, "next_cursor", back[-1]["next_cursor"])
    assert [page["items"] for page in again] == [page["items"] for page in forward[1:]]


async def pages(shop: Shop, path: str, way: str, cursor: str | None) -> list[dict[str, Any]]:
    """The pages from the one that `cursor` names (None: the first) to the end of the list in that direction."""
    found: list[dict[str, Any]] = []
    while not found or cursor is not None:
        asked = query(path, limit=str(LIMIT)) | ({} if cursor is None else {"cursor": cursor})
        found.append(still((await shop.staff.get(path, params=asked)).ok().body))
        cursor = found[-1][way]
    return found


def still(page: dict[str, Any]) -> dict[str, Any]:
    """A page without what changes from second to second."""
    for item in page["items"]:
        item.pop("age_seconds", None)
    return page


def query(path: str, **parameters: str) -> dict[str, str]:
    """The parameters with those that are in the path: httpx replaces one by the other."""
    inside = path.partition("?")[2]
    return dict(pair.split("=", 1) for pair in inside.split("&") if pair) | parameters


@pytest.mark.parametrize("export", ["/orders/v1/orders/export", "/refunds/v1/refunds/export"])
async def test_an_export_begins_with_a_byte_order_mark_where_asked(shop: Shop, export: str) -> None:
    await refunds(shop)
    plain, marked, lines = await asyncio.gather(
        shop.staff.get(export), shop.staff.get(f"{export}?bom=true"), shop.staff.get(f"{export}?bom=true&format=jsonl")
    )
    assert marked.ok().content == b"\xef\xbb\xbf" + plain.ok().content
    assert json.loads(lines.ok().content.splitlines()[0])
