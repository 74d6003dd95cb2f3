"""An order is its present customer's, in every service and whatever arrives when (real-shops.md 1.10, decision 0115)."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aio_pika
import pytest

from shared.contracts.events import EVENTS
from shared.contracts.ids import new_uuid
from shared.messaging.broker import queue_name
from shared.messaging.outbox import cloud_event
from tests.retelling import OneReader
from tests.services.schemathesis_world import PNG
from tests.shop import Answer, Shop, eventually, order_p
from tests.stack import Stack

READERS = ("refunds", "notes", "documents")
FORMER, PRESENT = "c-1", "c-9"
LISTS = ("/orders/v1/orders", "/refunds/v1/refunds", "/notes/v1/notes/unread", "/documents/v1/documents")
KEYS = {"asked": "the-request", "answered": "the-answer"}


@dataclass
class Estate:
    """What belongs to one order: its id, an open and a decided request, a file, the documents, and a guest's token."""

    order_id: str
    open_refund: str
    decided_refund: str
    file: str
    documents: list[str]
    token: str

    def reads(self) -> list[str]:
        """Everything that names the order or what belongs to it."""
        order, documents = self.order_id, "/documents/v1/documents"
        return [
            f"/orders/v1/orders/{order}", f"/orders/v1/orders/{order}/actions",
            *(f"/refunds/v1/refunds/{one}" for one in (self.open_refund, self.decided_refund)), f"/refunds/v1/refunds/refundable/{order}",
            f"/notes/v1/notes?order_id={order}", f"/notes/v1/timeline/{order}",
            f"{documents}/orders/{order}", *(f"{documents}/{one}" for one in self.documents),
            *(f"{documents}/{one}/pdf" for one in self.documents), *(f"{documents}/{one}/verify" for one in self.documents),
            f"/documents/v1/prints/{order}/invoice",
        ]  # fmt: skip


async def ask(shop: Shop, order_id: str, customer: str = FORMER, key: str = "", **more: Any) -> Answer:
    """A request of one unit, once refunds knows that the order is delivered."""
    body = {"order_id": order_id, "reason": "damaged", "description": "It is torn.", "lines": [{"line": 1, "quantity": 1}], **more}

    async def asked() -> Answer:
        return (await shop.customer(customer).post("/refunds/v1/refunds", json=body, key=key)).ok()

    return await eventually(asked)


async def live(shop: Shop) -> Estate:
    """Order P of c-1, delivered and paid: one unit refunded, the other asked back with a file; a note of each side; a guest's link."""
    (await shop.staff.put("/notes/v1/notes-settings", json={"customer_answers": True}, headers={"If-Match": '"v0"'})).ok()
    paid = {"payments": [{"amount": 11_000, "method": "card", "reference": "x"}]}
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p(**paid))).ok()["order_id"]
    for step in ("confirmed", "shipped", "delivered"):
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": step})).ok()
    decided = (await ask(shop, order_id))["refund_id"]
    (await shop.staff.post(f"/refunds/v1/refunds/{decided}/approve", json={})).ok()
    uploaded = (await shop.customer(FORMER).post("/refunds/v1/attachments", files={"file": ("photo.png", PNG, "image/png")})).ok()
    asked = await ask(shop, order_id, key=KEYS["asked"], attachments=[uploaded["attachment_id"]])

    async def written() -> Answer:
        return (
            await shop.staff.post("/notes/v1/notes", json={"order_id": order_id, "audience": "customer", "text": "We look at it."})
        ).ok()

    await eventually(written)
    answer = {"order_id": order_id, "audience": "customer", "text": "Thank you."}
    (await shop.customer(FORMER).post("/notes/v1/notes", json=answer, key=KEYS["answered"])).ok()
    link = (await shop.customer(FORMER).post(f"/orders/v1/orders/{order_id}/guest-links", json={})).ok()

    async def issued() -> list[str]:
        items = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        assert {one["kind"] for one in items} == {"receipt", "invoice", "credit_note"}
        return [one["document_id"] for one in items]

    documents = await eventually(issued)
    return Estate(order_id, asked["refund_id"], decided, uploaded["attachment_id"], documents, link["token"])


async def hand_over(shop: Shop, order_id: str, customer: str = PRESENT) -> Answer:
    body = {"customer_id": customer, "reason": "made an account"}
    return await shop.platform.post(f"/orders/v1/orders/{order_id}/customer", json=body)


async def sees_everything(shop: Shop, estate: Estate, customer: str) -> bool:
    """Once every service knows whose the order is."""
    caller = shop.customer(customer)
    for path in (*estate.reads(), f"/refunds/v1/attachments/{estate.file}"):
        answer = await caller.get(path)
        assert answer.status == 200, (path, answer.content)
    for path in LISTS:
        assert (await caller.get(path)).ok()["items"], path
    return True


async def sees_nothing(shop: Shop, estate: Estate, customer: str) -> bool:
    caller = shop.customer(customer)
    for path in (*estate.reads(), f"/refunds/v1/attachments/{estate.file}"):
        answer = await caller.get(path)
        assert (answer.status, answer.code in ("not_found", "order_not_here_yet")) == (404, True), (path, answer.content)
    for path in LISTS:
        assert (await caller.get(path)).ok()["items"] == [], path
    return True


async def test_an_order_and_all_that_belongs_to_it_are_its_present_customers(shop: Shop) -> None:
    estate = await live(shop)
    order = f"/orders/v1/orders/{estate.order_id}"
    assert await eventually(lambda: sees_everything(shop, estate, FORMER))
    assert await sees_nothing(shop, estate, PRESENT)
    pdfs = [(await shop.staff.get(f"/documents/v1/documents/{one}/pdf")).ok().content for one in estate.documents]

    handed = (await hand_over(shop, estate.order_id)).ok()
    assert handed["customer"]["id"] == PRESENT
    event = (await shop.events("orders", estate.order_id))[-1]
    assert (event["type"], event["data"]["fields"], event["data"]["order"]["customer_id"]) == ("order.edited.v1", ["customer_id"], PRESENT)
    assert await eventually(lambda: sees_everything(shop, estate, PRESENT))
    assert await eventually(lambda: sees_nothing(shop, estate, FORMER))

    entry = next(one for one in (await shop.staff.get(order)).ok()["timeline"] if one["version"] == handed["version"])
    assert (entry["reason"], entry["details"]) == (
        "made an account",
        {"fields": ["customer_id"], "before": {"customer_id": FORMER}, "after": {"customer_id": PRESENT}},
    )
    for path in (order, f"/notes/v1/timeline/{estate.order_id}", f"/refunds/v1/refunds/{estate.open_refund}"):
        assert f'"{FORMER}"'.encode() not in (await shop.customer(PRESENT).get(path)).ok().content
    for name, path, body in (
        ("asked", "/refunds/v1/refunds", {"order_id": estate.order_id, "reason": "damaged", "description": "It is torn.",
                                          "lines": [{"line": 1, "quantity": 1}], "attachments": [estate.file]}),
        ("answered", "/notes/v1/notes", {"order_id": estate.order_id, "audience": "customer", "text": "Thank you."}),
    ):  # fmt: skip
        repeated = await shop.customer(FORMER).post(path, json=body, key=KEYS[name])
        assert (repeated.replayed, repeated.body) == (True, {"erased": True})
    refused = await shop.customer(FORMER).post(f"/refunds/v1/refunds/{estate.open_refund}/withdraw")
    assert refused.status == 404
    assert [(await shop.staff.get(f"/documents/v1/documents/{one}/pdf")).ok().content for one in estate.documents] == pdfs
    listed = (await shop.staff.get(f"/documents/v1/documents/orders/{estate.order_id}")).ok()["items"]
    assert {one["customer_id"] for one in listed} == {PRESENT}

    guest = shop.customer()
    guest.token = estate.token
    for path in (order, f"/notes/v1/timeline/{estate.order_id}", f"/documents/v1/documents/{estate.documents[0]}"):
        assert (await guest.get(path)).status == 200, path

    (await shop.customer(PRESENT).post(f"/refunds/v1/refunds/{estate.open_refund}/withdraw")).ok()
    again = (await ask(shop, estate.order_id, PRESENT)).ok()
    assert again["customer_id"] == PRESENT


async def test_erasing_the_former_customer_leaves_the_order_and_erasing_the_present_one_does_not(shop: Shop) -> None:
    estate = await live(shop)
    (await hand_over(shop, estate.order_id)).ok()
    (await shop.staff.delete(f"/orders/v1/customers/{FORMER}")).ok()

    async def erased(customer: str) -> bool:
        for service in READERS:
            wanted = "select event_id from events where store_id = {store} and type = 'customer.erased.v1' and data->>'customer_id' = $2"
            [event] = await shop.rows("orders", wanted, customer)
            taken = await shop.rows(service, "select 1 from inbox where store_id = {store} and event_id = $2", event["event_id"])
            assert taken, service
        return True

    async def texts() -> list[str | None]:
        name = (await shop.staff.get(f"/orders/v1/orders/{estate.order_id}")).ok()["customer"]["name"]
        description = (await shop.staff.get(f"/refunds/v1/refunds/{estate.open_refund}")).ok()["description"]
        notes = (await shop.staff.get(f"/notes/v1/notes?order_id={estate.order_id}")).ok()["items"]
        copied = "select personal->>'customer_name' as name from orders where store_id = {store} and data->>'order_id' = $2"
        [copy] = await shop.rows("documents", copied, estate.order_id)
        return [name, description, *(note["text"] for note in notes), copy["name"]]

    assert await eventually(lambda: erased(FORMER))
    assert await texts() == ["Rahima Begum", "It is torn.", "We look at it.", "Thank you.", "Rahima Begum"]
    assert await eventually(lambda: sees_everything(shop, estate, PRESENT))

    (await shop.staff.delete(f"/orders/v1/customers/{PRESENT}")).ok()
    assert await eventually(lambda: erased(PRESENT))
    assert await texts() == ["", "", None, None, ""]
    before = await shop.events("orders")
    refused = await hand_over(shop, estate.order_id, FORMER)
    assert (refused.status, refused.code) == (409, "customer_was_erased")
    assert await shop.events("orders") == before


@pytest.fixture
async def tellers(stack: Stack) -> AsyncIterator[dict[str, OneReader]]:
    broker = await aio_pika.connect(stack.amqp_url)
    async with broker:
        channel = await broker.channel(publisher_confirms=True)
        yield {reader: OneReader(channel, queue_name(stack.name, reader)) for reader in READERS}


@pytest.mark.parametrize("seed", range(3))
async def test_no_older_event_gives_it_back(shop: Shop, tellers: dict[str, OneReader], seed: int) -> None:
    """The history of one order, told to another store's services three times over in any order, with a request made in between."""
    estate = await live(shop)
    (await hand_over(shop, estate.order_id)).ok()
    edit = {"reason": "typo", "customer": {"name": "Rahima B."}}
    (await shop.staff.patch(f"/orders/v1/orders/{estate.order_id}", json=edit)).ok()
    assert await eventually(lambda: sees_everything(shop, estate, PRESENT))
    columns = "type, subject, sequence, public, occurred_at, recorded_at, data, traceparent"
    told = [
        row | {"event_id": new_uuid(), "source": source}
        for source in ("orders", "refunds")
        for row in await shop.rows(source, f"select {columns} from events where store_id = {{store}} order by position")
        if row["type"].startswith(("order.", "refund."))
    ]
    there = Shop(shop.stack, shop._client, shop._pools)

    async def tell(*events: dict[str, Any]) -> None:
        for event in events:
            row = SimpleNamespace(**event | {"store_id": there.store})
            message = aio_pika.Message(cloud_event(event["source"], row), type=row.type, message_id=str(row.event_id))  # type: ignore[arg-type]  # a row's attributes
            for reader in READERS:
                if reader in EVENTS[row.type].readers:
                    await tellers[reader].tell(message, row.type)

    delivered = next(event for event in told if event["type"] == "order.delivered.v1")
    await tell(delivered)
    asked = (await ask(there, estate.order_id))["refund_id"]
    arriving = told * 3
    random.Random(seed).shuffle(arriving)
    await tell(*arriving)

    async def taken() -> bool:
        for reader in READERS:
            rows = await there.rows(reader, "select event_id from inbox where store_id = {store}")
            known = {row["event_id"] for row in rows}
            assert {event["event_id"] for event in told if reader in EVENTS[event["type"]].readers} <= known, reader
        return True

    assert await eventually(taken)
    assert await there.rows("refunds", "select distinct customer_id from refunds where store_id = {store}") == [{"customer_id": PRESENT}]
    for path in (
        f"/refunds/v1/refunds/{asked}", f"/refunds/v1/refunds/refundable/{estate.order_id}", f"/notes/v1/timeline/{estate.order_id}",
        f"/documents/v1/documents/orders/{estate.order_id}",
    ):  # fmt: skip
        assert ((await there.customer(PRESENT).get(path)).status, (await there.customer(FORMER).get(path)).status) == (200, 404), path
    for path in LISTS[1:]:
        assert (await there.customer(FORMER).get(path)).ok()["items"] == [], path
    assert [one["refund_id"] for one in (await there.customer(PRESENT).get("/refunds/v1/refunds")).ok()["items"]] == [asked]
    issued = (await there.customer(PRESENT).get("/documents/v1/documents")).ok()["items"]
    assert {one["kind"] for one in issued} == {"receipt", "invoice", "credit_note"}
