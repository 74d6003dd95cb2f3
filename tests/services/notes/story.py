"""Events of other services, told to notes alone: made here, put straight into its queue, in whatever order a test wants."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aio_pika

from shared.contracts import events
from shared.contracts.events import By, DocumentIssued, Event, Order, OrderEvent, OrderLine, Payment, Refund, RefundEvent
from shared.contracts.ids import new_id
from shared.messaging.broker import queue_name
from shared.messaging.outbox import cloud_event, event_row
from tests.retelling import OneReader
from tests.shop import Shop, eventually

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAFF = By(role="staff", id="asha")
CUSTOMER = By(role="customer", id="c-1")


def minutes(count: float) -> datetime:
    """A moment `count` minutes after noon."""
    return NOON + timedelta(minutes=count)


def _facts(at: float, fields: dict[str, Any], **subject: Any) -> dict[str, Any]:
    """What every event has, and what this one says."""
    return {"occurred_at": minutes(at), "by": STAFF} | subject | fields


@dataclass(frozen=True)
class Told:
    """An event as its service would send it: the bytes stay the same however often it is delivered."""

    source: str
    event: Event
    event_id: str
    body: bytes


class Story:
    """One order of one store, as other services tell of it."""

    def __init__(self, store_id: str, order_id: str | None = None, customer_id: str = "c-1") -> None:
        self.store_id = store_id
        self.customer_id = customer_id
        self.order_id = order_id or new_id("order")
        self.payment_id, self.refund_id, self.document_id = new_id("payment"), new_id("refund"), new_id("document")

    def order(self, version: int = 1, **changes: Any) -> Order:
        """Order P as of a version."""
        paid = Payment(
            payment_id=self.payment_id,
            amount=11000,
            method="cod",
            reference="R-7",
            collected_by="rider 9",
            order_version=2,
            occurred_at=NOON,
            recorded_at=NOON,
        )
        facts: dict[str, Any] = {
            "order_id": self.order_id,
            "number": "1001",
            "version": version,
            "status": "pending",
            "currency": "BDT",
            "customer_id": self.customer_id,
            "lines": (OrderLine(line=1, sku="TEE-1", name="T-shirt", quantity=2, subtotal=10000, total=10000),),
            "goods_total": 10000,
            "shipping": 1000,
            "total": 11000,
            "payments": (paid,),
            "collected": 11000,
            "payment": "paid",
            "placed_at": NOON,
        }
        return Order(**(facts | changes))

    def refund(self, **changes: Any) -> Refund:
        """A refund of one unit of it."""
        facts: dict[str, Any] = {
            "refund_id": self.refund_id,
            "order_id": self.order_id,
            "order_number": "1001",
            "customer_id": self.customer_id,
            "version": 1,
            "status": "processing",
            "settlement": "none",
            "cause": "request",
            "order_version": 5,
            "policy_version": 0,
            "reason": "damaged",
            "currency": "BDT",
            "amount": 5500,
            "goods": 5000,
            "shipping": 500,
            "lines": (),
            "requested_at": NOON,
        }
        return Refund(**(facts | changes))

    def ordered(self, kind: type[OrderEvent], version: int, at: float, status: str = "pending", **fields: Any) -> Told:
        """An order event: `at` minutes after noon."""
        order = fields.pop("order", None) or self.order(version, status=status)
        return self._told("orders", kind(**_facts(at, fields, order=order)), version)

    def refunded(self, kind: type[RefundEvent], sequence: int, at: float, **fields: Any) -> Told:
        """A refund event."""
        refund = fields.pop("refund", None) or self.refund()
        return self._told("refunds", kind(**_facts(at, fields, refund=refund)), sequence)

    def issued(self, sequence: int, at: float, kind: str = "invoice") -> Told:
        """A document's issue."""
        event = DocumentIssued(
            occurred_at=minutes(at),
            document_id=self.document_id,
            order_id=self.order_id,
            customer_id=self.customer_id,
            kind=kind,  # type: ignore[arg-type]  # a test's own word
            number=f"{kind}-2026-{sequence:06d}",
            issued_on=date(2026, 11, 20),
            currency="BDT",
            total=11000,
            sha256="0" * 64,
        )
        return self._told("documents", event, sequence)

    def erased(self, *order_ids: str, at: float = 600) -> Told:
        """The customer asked to be forgotten."""
        by = By(role="platform", id="platform-1")
        event = events.CustomerErased(occurred_at=minutes(at), customer_id=self.customer_id, order_ids=order_ids, by=by)
        return self._told("orders", event, 1)

    def _told(self, source: str, event: Event, sequence: int) -> Told:
        row = event_row(event, store_id=self.store_id, sequence=sequence, recorded_at=event.occurred_at + timedelta(seconds=1))
        sent = SimpleNamespace(**(row | {"data": json.dumps(row["data"], ensure_ascii=False)}))
        return Told(source, event, str(row["event_id"]), cloud_event(source, sent))  # type: ignore[arg-type]  # a row's attributes

    def life(self) -> list[Told]:
        """A whole life, in the order in which it happened: placed to settled refund, with echoes and things for staff alone."""
        approved = self.refund(status="approved", settlement="unsettled", version=2)
        return [
            self.ordered(events.OrderPlaced, 1, 0),
            self.ordered(events.OrderPaymentRecorded, 2, 1, payment_id=self.payment_id),
            self.ordered(events.OrderConfirmed, 3, 2, "confirmed"),
            self.issued(1, 2),
            self.ordered(events.OrderShipped, 4, 3, "shipped", personal=events.OrderPersonal(message="On its way")),
            self.ordered(events.OrderDelivered, 5, 4, "delivered"),
            self.refunded(events.RefundRequested, 1, 5, by=CUSTOMER),
            self.refunded(events.RefundApproved, 2, 6, refund=approved),
            self.ordered(events.OrderRefunded, 6, 6, "delivered", refund_id=self.refund_id),
            self.issued(2, 6, "credit_note"),
            self.refunded(events.RefundSettlementFailed, 3, 7, refund=approved, reference="T-1", reason="account closed"),
            self.refunded(events.RefundSettled, 4, 8, refund=approved, reference="T-2", method="bkash"),
        ]


LIFE = (
    "order.placed",
    "order.payment_recorded",
    "order.confirmed",
    "document.issued",
    "order.shipped",
    "order.delivered",
    "refund.requested",
    "refund.approved",
    "document.issued",
    "refund.settlement_failed",
    "refund.settled",
)
"""What the timeline of Story.life() reads for the shop."""

STAFF_ONLY = ("refund.requested", "refund.settlement_failed")
CUSTOMERS_LIFE = tuple(kind for kind in LIFE if kind not in STAFF_ONLY)


class Teller:
    """Puts events into the queue of notes, as often and in whatever order it is told to."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, queue: str) -> None:
        self._reader = OneReader(channel, queue)

    async def send(self, *told: Told) -> None:
        """Deliver these, one after the other."""
        for one in told:
            message = aio_pika.Message(one.body, type=one.event.type, message_id=one.event_id, delivery_mode=2)
            await self._reader.tell(message, one.event.type)

    async def tell(self, shop: Shop, *told: Told) -> None:
        """Deliver these, and wait until each has taken effect."""
        await self.send(*told)
        wanted = {one.event_id for one in told}

        async def all_taken() -> bool:
            rows = await shop.rows("notes", "select event_id::text from inbox where store_id = {store}")
            return wanted <= {row["event_id"] for row in rows}

        await eventually(all_taken)


@asynccontextmanager
async def teller(amqp_url: str, namespace: str) -> AsyncIterator[Teller]:
    """A teller on the stack's broker (as its administrator)."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield Teller(await connection.channel(publisher_confirms=True), queue_name(namespace, "notes"))
