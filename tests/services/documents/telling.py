"""Events of orders and refunds, told to documents alone: made here, put straight into its queue, in whatever order a test wants."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aio_pika

from shared.contracts import events
from shared.contracts.events import (
    Address,
    By,
    Cancellation,
    CancelledUnits,
    Closing,
    ClosingKind,
    ClosingReason,
    Event,
    ExternalDocument,
    History,
    Order,
    OrderEvent,
    OrderLine,
    OrderPersonal,
    PartCancellation,
    Payment,
    Refund,
    RefundPersonal,
)
from shared.contracts.ids import new_id
from shared.messaging.broker import queue_name
from shared.messaging.outbox import cloud_event, event_row
from tests.retelling import OneReader
from tests.shop import Shop, eventually

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAFF = By(role="staff", id="asha")
CUSTOMER = By(role="customer", id="c-1")
BILLING = Address(country_code="BD", name="Rahima Begum", street_address="House 1, Road 2", city="Dhaka", postal_code="1205")
SHIPPING = Address(country_code="BD", name="Karim Begum", street_address="Lane 9", city="Sylhet", postal_code="3100")
PERSONAL = OrderPersonal(customer_name="Rahima Begum", phone="+8801712345678", billing_address=BILLING, shipping_address=SHIPPING)

KINDS: dict[str, type[OrderEvent]] = {
    "pending": events.OrderPlaced,
    "confirmed": events.OrderConfirmed,
    "picked_up": events.OrderPickedUp,
    "shipped": events.OrderShipped,
    "delivered": events.OrderDelivered,
    "cancelled": events.OrderCancelled,
}


@dataclass(frozen=True)
class Told:
    """An event as its service would send it: the bytes stay the same however often it is delivered."""

    event: Event
    event_id: str
    body: bytes


@dataclass
class Life:
    """One order of one store: order P (2 units = 100.00, shipping 10.00, total 110.00), told step by step."""

    store_id: str
    customer_id: str = "c-1"
    order_id: str = field(default_factory=lambda: new_id("order"))
    facts: dict[str, Any] = field(default_factory=dict)
    personal: OrderPersonal = PERSONAL
    version: int = 0
    status: str = "pending"
    payments: tuple[Payment, ...] = ()
    cancellation: Cancellation | None = None
    parts: tuple[PartCancellation, ...] = ()
    closings: tuple[Closing, ...] = ()
    refunds: int = 0
    at: datetime = NOON  # when whatever is told next happens

    def order(self) -> Order:
        """The order as it now is."""
        collected = sum(payment.amount for payment in self.payments)
        total = self.facts.get("total", 11000)
        facts: dict[str, Any] = {
            "order_id": self.order_id,
            "number": "1001",
            "version": self.version,
            "status": self.status,
            "currency": "BDT",
            "customer_id": self.customer_id,
            "lines": (OrderLine(line=1, sku="TEE-1", name="T-shirt", quantity=2, unit_price=5000, subtotal=10000, total=10000),),
            "goods_total": 10000,
            "shipping": 1000,
            "total": total,
            "payments": self.payments,
            "collected": collected,
            "payment": "paid" if collected + sum(one.amount for one in self.closings) >= total else "unpaid",
            "cancellation": self.cancellation,
            "part_cancellations": self.parts,
            "closings": self.closings,
            "placed_at": NOON,
        }
        return Order(**(facts | self.facts))

    def step(self, status: str) -> Told:
        """The order reaches a status; `cancelled` keeps where it came from."""
        if status == "cancelled":
            came_from: dict[str, Any] = {"cancelled_from": self.status}
            self.cancellation = Cancellation(
                by=CUSTOMER, reason="changed my mind", order_version=self.version + 1, occurred_at=self.at, recorded_at=self.at, **came_from
            )
        elif status != "pending":
            self.facts.setdefault("confirmed_at", self.at)
        self.status = status
        return self._ordered(KINDS[status])

    def come(self, status: str, *payments: int) -> Told:
        """The order is imported with this status, and with what had been paid; `cancelled` comes from shipped."""
        self.payments, self.status = tuple(self._payment(amount, "cod") for amount in payments), status
        if status == "cancelled":
            self.cancellation = Cancellation(
                by=CUSTOMER, cancelled_from="shipped", reason="", order_version=1, occurred_at=NOON, recorded_at=NOON
            )
        self.facts |= {"imported": True, "history": History(shipped_at=NOON)}
        return self._ordered(events.OrderImported)

    def name_invoice(self, number: str) -> Told:
        """The platform names an invoice that another system issued."""
        named = ExternalDocument(kind="invoice", number=number, issued_on=NOON.date(), order_version=self.version + 1)
        self.facts |= {"external_documents": (*self.facts.get("external_documents", ()), named)}
        return self._ordered(events.OrderEdited, reason="found it", fields=("documents",))

    def pay(self, amount: int, *, method: str = "cod") -> Told:
        """Money is recorded."""
        payment = self._payment(amount, method)
        self.payments = (*self.payments, payment)
        return self._ordered(events.OrderPaymentRecorded, payment_id=payment.payment_id)

    def reverse(self, payment_id: str, amount: int | None = None) -> Told:
        """A payment is reversed, or an amount of it."""
        first = next(payment for payment in self.payments if payment.payment_id == payment_id)
        payment = self._payment(-(amount or first.amount), first.method).model_copy(update={"reverses": payment_id})
        self.payments = (*self.payments, payment)
        return self._ordered(events.OrderPaymentReversed, payment_id=payment.payment_id, reason="typed wrong")

    def edit(self, **personal: Any) -> Told:
        """Contact or an address is corrected."""
        self.personal = self.personal.model_copy(update=personal)
        return self._ordered(events.OrderEdited, reason="asked for", fields=tuple(personal))

    def amend(self, **facts: Any) -> Told:
        """What was bought is stated anew; `facts` replace the order's."""
        before = self.order().total
        self.facts |= facts
        return self._ordered(events.OrderAmended, reason="by phone", changed=("lines",), total_before=before)

    def cancel_in_part(self) -> Told:
        """One unit never leaves."""
        units, part_id = (CancelledUnits(line=1, quantity=1),), new_id("part_cancellation")
        part = PartCancellation(
            part_cancellation_id=part_id, by=STAFF, lines=units, reason="gone", order_version=self.version + 1,
            occurred_at=self.at, recorded_at=self.at,
        )  # fmt: skip
        self.parts = (*self.parts, part)
        return self._ordered(events.OrderPartCancelled, part_cancellation_id=part_id, lines=units, reason="gone")

    def close(self, kind: ClosingKind, amount: int, reason: ClosingReason) -> Told:
        """The shop lets a difference be."""
        closing = Closing(
            closing_id=new_id("closing"),
            kind=kind,
            amount=amount,
            reason=reason,
            by=STAFF,
            occurred_at=NOON,
            order_version=self.version + 1,
        )
        self.closings = (*self.closings, closing)
        return self._ordered(events.OrderDifferenceClosed, closing_id=closing.closing_id)

    def refund(self, amount: int, *, cause: str = "request", goods: int = 0, shipping: int = 0, lines: Any = (), **facts: Any) -> Told:
        """A refund is approved, decided on the order as it now is."""
        self.refunds += 1
        known: dict[str, Any] = {"cause": cause, "goods": goods, "shipping": shipping, "lines": lines, "order_version": self.version}
        base: dict[str, Any] = {
            "refund_id": new_id("refund"), "order_id": self.order_id, "order_number": "1001", "customer_id": self.customer_id,
            "version": 2, "status": "approved", "settlement": "unsettled", "policy_version": 0, "reason": "damaged", "currency": "BDT",
            "amount": amount, "requested_at": NOON, "decided_at": self.at,
        }  # fmt: skip
        refund = Refund(**(base | known | facts))
        return self._told("refunds", events.RefundApproved(occurred_at=NOON, by=STAFF, refund=refund), self.refunds)

    def ask(self, goods: int, *, lines: Any = (), said: RefundPersonal | None = None, **facts: Any) -> Told:
        """A refund is requested."""
        self.refunds += 1
        base: dict[str, Any] = {
            "refund_id": new_id("refund"), "order_id": self.order_id, "order_number": "1001", "customer_id": self.customer_id,
            "version": 1, "status": "processing", "settlement": "none", "policy_version": 0, "reason": "damaged", "currency": "BDT",
            "amount": goods, "goods": goods, "shipping": 0, "lines": lines, "cause": "request", "order_version": self.version,
            "requested_at": NOON,
        }  # fmt: skip
        refund = Refund(**(base | facts))
        event = events.RefundRequested(occurred_at=NOON, by=CUSTOMER, refund=refund, personal=said or RefundPersonal())
        return self._told("refunds", event, self.refunds)

    def erase(self) -> Told:
        """The customer asked to be forgotten."""
        erased = events.CustomerErased(occurred_at=NOON, customer_id=self.customer_id, order_ids=(self.order_id,), by=STAFF)
        return self._told("orders", erased, 1)

    def _payment(self, amount: int, method: str) -> Payment:
        return Payment(
            payment_id=new_id("payment"), amount=amount, method=method, reference=f"R-{self.version + 1}",
            order_version=self.version + 1, lines_version=self.facts.get("lines_version", 1), occurred_at=self.at, recorded_at=self.at,
        )  # fmt: skip

    def _ordered(self, kind: type[OrderEvent], **fields: Any) -> Told:
        self.version += 1
        said: dict[str, Any] = {"occurred_at": NOON, "by": STAFF, "order": self.order(), "personal": self.personal}
        return self._told("orders", kind(**(said | fields)), self.version)

    def _told(self, source: str, event: Event, sequence: int) -> Told:
        return told(self.store_id, source, event, sequence)


def told(store_id: str, source: str, event: Event, sequence: int) -> Told:
    """An event as its service would send it."""
    row = event_row(event, store_id=store_id, sequence=sequence, recorded_at=event.occurred_at + timedelta(seconds=1))
    sent = SimpleNamespace(**(row | {"data": json.dumps(row["data"], ensure_ascii=False)}))
    return Told(event, str(row["event_id"]), cloud_event(source, sent))  # type: ignore[arg-type]  # a row's attributes


class Teller:
    """Puts events into the queue of documents, as often and in whatever order it is told to."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, queue: str) -> None:
        self._reader = OneReader(channel, queue)

    async def send(self, *told: Told) -> None:
        """Deliver these, one after the other."""
        for one in told:
            message = aio_pika.Message(one.body, type=one.event.type, message_id=one.event_id, delivery_mode=2)
            await self._reader.tell(message, one.event.type)

    async def tell(self, shop: Shop, *told: Told) -> None:
        """Deliver these, each after the one before has taken effect."""
        for one in told:
            await self.send(one)
            await self.taken(shop, one)

    async def taken(self, shop: Shop, *told: Told, seconds: float = 60) -> None:
        """Wait until each of these has taken effect."""
        wanted = {one.event_id for one in told}

        async def all_taken() -> bool:
            rows = await shop.rows("documents", "select event_id::text from inbox where store_id = {store}")
            return wanted <= {row["event_id"] for row in rows}

        await eventually(all_taken, seconds=seconds)


@asynccontextmanager
async def teller_on(amqp_url: str, namespace: str) -> AsyncIterator[Teller]:
    """A teller on a stack's broker (as its administrator)."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield Teller(await connection.channel(publisher_confirms=True), queue_name(namespace, "documents"))


async def issued(shop: Shop, order_id: str) -> list[tuple[str, str, str]]:
    """Kind, number and total (decimal) of an order's documents, in the order of issuing, as the API tells them."""
    answer = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()
    return [(one["kind"], one["number"].split("-")[-1].lstrip("0"), one["total"]["decimal"]) for one in answer["items"]]
