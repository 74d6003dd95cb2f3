"""P14: what is the staff's alone is in no byte that a customer or guest can get by any channel, and in no event that may leave the shop."""

import asyncio
import itertools
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from deploy.operator.registry import SERVICES
from tests.e2e.canaries import Canaries, Life, drained
from tests.shop import Answer, Caller, Shop, eventually
from tests.stack import Stack

PRIVATE = {"private_note", "private_note_edited", "private_note_retracted", "private_note_refused"}
INTERNAL = {"internal_reason", "internal_window", "internal_attention", "closing_note"}
"""Written for colleagues: in no customer's answer and in no event at all."""
STAFF_ONLY = {
    "metadata",
    "edit_reason",
    "failed_reason",
    "rider",
    "reversal_reason",
    "internal_settlement",
    "internal_settled",
}
"""Facts that the platform may be told in events, and its customer in no answer. Both sides see a cancellation's reason."""
SEEN = {"name", "shipping_street", "ship_message", "tracking", "customer_note_edited", "answer", "description", "approve_message"}
"""What a customer does get: shows that the search finds what is there."""


async def test_what_is_the_staffs_is_in_no_byte_of_anybody_else(shop: Shop, stack: Stack) -> None:
    canary = Canaries()
    life = Life(shop, canary)
    living = asyncio.create_task(life.live())
    try:
        await eventually(lambda: asyncio.sleep(0, life.whole))
        outsiders = {"customer": life.customer, "guest": shop.caller("guest", life.whole), "stranger": shop.customer("c-other")}
        async with overheard(life, outsiders) as streams:
            await living
            await drained(shop)
            await eventually(lambda: asyncio.sleep(0, b"refund.approved" in streams["customer notes"]))
    finally:
        living.cancel()
    heard = {name: bytes(raw) for name, raw in streams.items()}
    for name, caller in outsiders.items():
        heard |= {f"{name} {path}": content for path, content in (await everything_read(shop, life, caller)).items()}
        heard |= {f"{name} {path}": content for path, content in (await everything_tried(shop, life, caller)).items()}
    found = {where: canary.found_in(content) & (PRIVATE | INTERNAL | STAFF_ONLY) for where, content in heard.items()}
    assert {where: fields for where, fields in found.items() if fields} == {}
    assert set().union(*(canary.found_in(content) for where, content in heard.items() if where.startswith("customer"))) >= SEEN
    assert set().union(*(canary.found_in(content) for where, content in heard.items() if where.startswith("stranger"))) == set()
    await events_and_logs(shop, stack, canary)


async def events_and_logs(shop: Shop, stack: Stack, canary: Canaries) -> None:
    """A private note's text is in no event, public or not; nobody's words are in a log."""
    for service in SERVICES:
        told = await shop.rows(service, "select type, public, data::text as data from events where store_id = {store}")
        assert told != [] or service == "webhooks", "webhooks has events only of endpoints that fail"
        for event in told:
            assert canary.found_in(event["data"]) & (PRIVATE | INTERNAL) == set(), event["type"]
            assert not (event["public"] and '"audience": "private"' in event["data"]), event["type"]
    assert canary.found_in(await asyncio.to_thread(Path(stack.log).read_bytes)) == set()


@asynccontextmanager
async def overheard(life: Life, outsiders: dict[str, Caller]) -> AsyncIterator[dict[str, bytearray]]:
    """Every byte of the whole order's streams, from its first event on, for as long as the block runs."""
    heard: dict[str, bytearray] = {}
    tasks = []
    for (name, caller), (service, noun) in itertools.product(outsiders.items(), (("orders", "orders"), ("notes", "timeline"))):
        raw = heard[f"{name} {service}"] = bytearray()
        tasks.append(asyncio.create_task(_listen(caller, f"{caller._urls[service]}/v1/{noun}/{life.whole}/stream", raw)))
    try:
        yield heard
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(caller: Caller, url: str, raw: bytearray) -> None:
    """Again until the service knows the order; a stranger is told 404 for ever."""
    sent = {"Authorization": f"Bearer {caller.token}", "Last-Event-ID": "0"}
    async with httpx2.AsyncClient(timeout=60) as client:
        while True:
            async with client.stream("GET", url, headers=sent) as answer:
                async for part in answer.aiter_bytes():
                    raw += part
            await asyncio.sleep(0.2)


async def everything_read(shop: Shop, life: Life, caller: Caller) -> dict[str, bytes]:
    """Every byte, and every word of every PDF, that each GET route of each service answers to the caller."""
    shown = [(await shop.staff.get(f"/documents/v1/documents/orders/{order}")).ok()["items"] for order in life.orders]
    ids = {
        "order_id": list(life.orders),
        "refund_id": life.refunds,
        "attachment_id": life.attachments,
        "document_id": [item["document_id"] for items in shown for item in items],
        "button": ["receipt", "invoice", "packing-slip"],
        "sku": ["TEE-1"],
        "code": ["not_found"],
        **await _of_webhooks(shop),
    }
    heard: dict[str, bytes] = {}
    for service in SERVICES:
        paths = (await shop.staff.get(f"/{service}/service/openapi.json")).ok()["paths"]
        for path, methods in [*paths.items(), ("/v1/notes?order_id={order_id}", {"get"})][: None if service == "notes" else -1]:
            if "get" in methods and not path.endswith("/stream"):
                for filled in _filled(path, ids):
                    for query in ("format=pdf", "format=html", "format=jsonl", "limit=1"):
                        url = f"/{service}{filled}{'&' if '?' in filled else '?'}{query}"
                        heard[f"GET {url}"] = _bytes(await caller.get(url))
    return heard


async def _of_webhooks(shop: Shop) -> dict[str, list[str]]:
    """Ids of an endpoint of the store, one of its deliveries, the event in it, and a replay."""
    wanted = {"url": "https://hooks.example/in"}
    endpoint_id = (await shop.staff.post("/webhooks/v1/webhooks/endpoints", json=wanted)).ok()["endpoint_id"]
    address = f"/webhooks/v1/webhooks/endpoints/{endpoint_id}"
    (await shop.staff.patch(address, {"state": "paused"})).ok()
    replay = (await shop.staff.post(f"{address}/replay", json={"backfill": True})).ok()
    first = (await shop.staff.get(f"/webhooks/v1/webhooks/deliveries?endpoint_id={endpoint_id}")).ok()["items"][0]
    ids = {"endpoint_id": endpoint_id, "delivery_id": first["delivery_id"], "event_id": first["event_id"], "replay_id": replay["replay_id"]}
    return {name: [one] for name, one in ids.items()}


def _filled(path: str, ids: dict[str, list[str]]) -> list[str]:
    names = re.findall(r"\{(\w+)\}", path)
    return [path.format(**dict(zip(names, values, strict=True))) for values in itertools.product(*(ids[name] for name in names))]


def _bytes(answer: Answer) -> bytes:
    """The answer, its headers, and what a reader finds in it if it is a PDF."""
    whole = answer.content + repr(answer.headers.raw).encode()
    if answer.content.startswith(b"%PDF-"):
        whole += subprocess.run(["pdftotext", "-layout", "-", "-"], input=answer.content, capture_output=True, check=False).stdout
    return whole


async def everything_tried(shop: Shop, life: Life, caller: Caller) -> dict[str, bytes]:
    """What the refusals of calls that are not theirs say: on notes, refunds and the order."""
    notes = (await shop.staff.get(f"/notes/v1/notes?order_id={life.whole}")).ok()["items"]
    private = [note["note_id"] for note in notes if note["audience"] == "private"]
    tried: list[tuple[str, str, dict[str, Any]]] = []
    for note in private:
        tried += [("PATCH", f"/notes/v1/notes/{note}", {"text": "x"}), ("POST", f"/notes/v1/notes/{note}/retract", {})]
        tried += [("POST", f"/notes/v1/timeline/{life.whole}/read", {"through": note})]
    for refund in life.refunds:
        tried += [("POST", f"/refunds/v1/refunds/{refund}/{verb}", body) for verb, body in _DECISIONS.items()]
    for order in life.orders:
        tried += [("POST", f"/orders/v1/orders/{order}/cancel?dry_run=true", {"reason": "x"})]
        tried += [("PATCH", f"/orders/v1/orders/{order}", {"reason": "x", "customer": {"name": "x"}})]
    return {f"{method} {path}": _bytes(await caller.call(method, path, key="", json=body)) for method, path, body in tried}


_DECISIONS: dict[str, dict[str, Any]] = {
    "approve": {},
    "decline": {"internal_reason": "x"},
    "withdraw": {},
    "settlements": {"outcome": "failed", "reference": "T-1", "method": "bkash"},
}
