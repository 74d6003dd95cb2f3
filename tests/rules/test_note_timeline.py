"""What each event adds to its order's timeline: audience, what everybody in it reads, and what is the shop's alone."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.notes.rules.order_copy import OrderCopy, copy_of
from services.notes.rules.timeline import ENTRIES, Entry, entry_of, forgotten, source_rank
from shared.contracts import events
from shared.contracts.events import (
    By,
    Cancellation,
    CustomerErased,
    DocumentIssued,
    Envelope,
    Event,
    GuestLinkRevoked,
    Order,
    OrderLine,
    OrderPersonal,
    OrderRefunded,
    Payment,
    Refund,
    RefundPersonal,
    RefundRequested,
    Tracking,
)
from shared.contracts.ids import new_id

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAFF = By(role="staff", id="asha")
CUSTOMER = By(role="customer", id="c1")
ORDER, PAYMENT, REFUND, DOCUMENT = new_id("order"), new_id("payment"), new_id("refund"), new_id("document")


def order(**changes: Any) -> Order:
    line = OrderLine(line=1, sku="TEA", name="Tea", quantity=2, subtotal=10000, total=10000)
    paid = Payment(
        payment_id=PAYMENT,
        amount=11000,
        method="cod",
        reference="R-7",
        collected_by="rider 9",
        order_version=4,
        occurred_at=NOON,
        recorded_at=NOON,
    )
    facts: dict[str, Any] = {
        "order_id": ORDER,
        "number": "1001",
        "version": 4,
        "status": "shipped",
        "currency": "BDT",
        "customer_id": "c1",
        "lines": (line,),
        "goods_total": 10000,
        "shipping": 1000,
        "total": 11000,
        "payments": (paid,),
        "collected": 11000,
        "payment": "paid",
        "placed_at": NOON,
    }
    return Order(**(facts | changes))


def refund(**changes: Any) -> Refund:
    facts: dict[str, Any] = {
        "refund_id": REFUND,
        "order_id": ORDER,
        "order_number": "1001",
        "customer_id": "c1",
        "version": 1,
        "status": "processing",
        "settlement": "none",
        "cause": "request",
        "order_version": 5,
        "policy_version": 1,
        "reason": "damaged",
        "currency": "BDT",
        "amount": 5500,
        "goods": 5000,
        "shipping": 500,
        "lines": (),
        "requested_at": NOON,
    }
    return Refund(**(facts | changes))


def made(kind: type[Event], **fields: Any) -> Event:
    """The event of `kind`, about the order or refund above."""
    subject: dict[str, Any] = {"refund": refund()} if issubclass(kind, events.RefundEvent) else {"order": order()}
    facts: dict[str, Any] = {"occurred_at": NOON, "by": STAFF} | subject | fields
    return kind(**facts)


def document() -> DocumentIssued:
    return DocumentIssued(
        occurred_at=NOON,
        document_id=DOCUMENT,
        order_id=ORDER,
        customer_id="c1",
        kind="invoice",
        number="INV-2026-000001",
        issued_on=date(2026, 11, 20),
        currency="BDT",
        total=11000,
        sha256="0" * 64,
    )


MESSAGE = OrderPersonal(message="On its way!", customer_name="Rahim", email="r@example.com")
TRACKING = Tracking(carrier="Pathao", number="P-1", url="https://pathao.example/P-1")
PARCEL = events.Parcel(parcel_id="parcel_01jd00000000000000000000a0", carrier="Pathao", number="P-2")
CLOSING = events.Closing(
    closing_id="closing_01jd00000000000000000000a0", kind="written_off", amount=3, reason="rounding", by=STAFF, occurred_at=NOON,
    order_version=4,
)  # fmt: skip
CANCELLATION = Cancellation(
    by=CUSTOMER, cancelled_from="shipped", reason="changed my mind", order_version=4, occurred_at=NOON, recorded_at=NOON
)
REFUND_FACTS = {"refund_id": REFUND, "status": "processing", "currency": "BDT", "credit": 5500, "amount": 5500}
DECIDED = REFUND_FACTS | {"cause": "request", "shipping_kept": 0}
PAID = {
    "version": 4,
    "currency": "BDT",
    "payment_id": PAYMENT,
    "collected": 11000,
    "payment": "paid",
    "amount": 11000,
    "method": "cod",
}
TAKEN = {"reference": "R-7", "collected_by": "rider 9"}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (made(events.OrderPlaced), Entry("customer", STAFF, {"version": 4, "currency": "BDT", "number": "1001", "total": 11000})),
        (made(events.OrderConfirmed), Entry("customer", STAFF, {"status": "shipped", "version": 4})),
        (
            made(events.OrderShipped, order=order(tracking=TRACKING), personal=MESSAGE),
            Entry(
                "customer",
                STAFF,
                {
                    "status": "shipped",
                    "version": 4,
                    "tracking": {"carrier": "Pathao", "number": "P-1", "url": "https://pathao.example/P-1"},
                },
                message="On its way!",
            ),
        ),
        (
            made(events.OrderCancelled, order=order(status="cancelled", cancellation=CANCELLATION), personal=MESSAGE),
            Entry(
                "customer",
                CUSTOMER,
                {"status": "cancelled", "version": 4, "cancelled_from": "shipped"},
                {"reason": "changed my mind"},
                "On its way!",
            ),
        ),
        (
            made(events.OrderDeliveryFailed, reported_by="rider 9", reason="refused at the door"),
            Entry("customer", STAFF, {"version": 4}, {"reported_by": "rider 9", "reason": "refused at the door"}),
        ),
        (made(events.OrderPaymentRecorded, payment_id=PAYMENT), Entry("customer", STAFF, PAID, TAKEN)),
        (
            made(events.OrderPaymentReversed, payment_id=PAYMENT, reason="typed twice"),
            Entry("customer", STAFF, PAID, TAKEN | {"reason": "typed twice"}),
        ),
        (
            made(events.OrderEdited, reason="moved house", fields=("shipping_address",)),
            Entry("customer", STAFF, {"version": 4, "fields": ["shipping_address"]}, {"reason": "moved house"}),
        ),
        (
            made(events.OrderParcelsChanged, order=order(parcels=(PARCEL,)), parcel_id=PARCEL.parcel_id, change="corrected"),
            Entry(
                "customer",
                STAFF,
                {"version": 4, "parcel_id": PARCEL.parcel_id, "change": "corrected", "tracking": {"carrier": "Pathao", "number": "P-2"}},
            ),
        ),
        (
            made(events.OrderParcelsChanged, parcel_id=PARCEL.parcel_id, change="removed", personal=MESSAGE),
            Entry("customer", STAFF, {"version": 4, "parcel_id": PARCEL.parcel_id, "change": "removed"}, message="On its way!"),
        ),
        (
            made(events.OrderDifferenceClosed, order=order(collected=10997, closings=(CLOSING,)), closing_id=CLOSING.closing_id),
            Entry(
                "private",
                STAFF,
                {
                    "version": 4,
                    "currency": "BDT",
                    "closing_id": CLOSING.closing_id,
                    "due": 0,
                    "payment": "paid",
                    "kind": "written_off",
                    "amount": 3,
                    "reason": "rounding",
                },
            ),
        ),
        (made(RefundRequested, by=CUSTOMER), Entry("private", CUSTOMER, REFUND_FACTS, {"reason": "damaged"})),
        (
            made(events.RefundApproved, personal=RefundPersonal(message="Sorry for that.", description="The cup is broken.")),
            Entry("customer", STAFF, DECIDED | {"overpaid": 0, "set_off": 0, "fees": []}, {"reason": "damaged"}, "Sorry for that."),
        ),
        (
            made(events.RefundApproved, refund=refund(status="approved", cause="adjustment", amount=500, credit=5500)),
            Entry(
                "customer",
                STAFF,
                DECIDED
                | {"status": "approved", "cause": "adjustment", "credit": 5500, "amount": 500}
                | {"overpaid": 0, "set_off": 5000, "fees": []},
                {"reason": "damaged"},
            ),
        ),
        (
            made(events.RefundApproved, refund=refund(status="approved", cause="overpaid", amount=300, credit=0, overpaid=300)),
            Entry(
                "customer",
                STAFF,
                DECIDED
                | {"status": "approved", "cause": "overpaid", "credit": 0, "amount": 300}
                | {"overpaid": 300, "set_off": 0, "fees": []},
                {"reason": "damaged"},
            ),
        ),
        (
            made(events.RefundApproved, refund=refund(status="approved", fees=(events.Fee(name="Restocking", amount=500),))),
            Entry(
                "customer",
                STAFF,
                DECIDED | {"status": "approved"} | {"overpaid": 0, "set_off": 0, "fees": [{"name": "Restocking", "amount": 500}]},
                {"reason": "damaged"},
            ),
        ),
        (made(events.RefundCancelled), Entry("customer", STAFF, DECIDED, {"reason": "damaged"})),
        (
            made(events.RefundSettled, reference="T-1", method="bkash"),
            Entry("customer", STAFF, REFUND_FACTS | {"method": "bkash"}, {"reference": "T-1"}),
        ),
        (
            made(events.RefundPartSettled, reference="T-1", method="card", amount=3000, payment_id=PAYMENT),
            Entry(
                "customer",
                STAFF,
                REFUND_FACTS | {"method": "card", "part": 3000, "settled_amount": 0},
                {"reference": "T-1", "payment_id": PAYMENT},
            ),
        ),
        (
            made(events.RefundSettlementFailed, reference="T-1", reason="account closed"),
            Entry("private", STAFF, REFUND_FACTS, {"reference": "T-1", "reason": "account closed"}),
        ),
        (
            document(),
            Entry(
                "customer",
                By(role="system", id="documents"),
                {
                    "document_id": DOCUMENT,
                    "kind": "invoice",
                    "number": "INV-2026-000001",
                    "issued_on": "2026-11-20",
                    "currency": "BDT",
                    "total": 11000,
                },
            ),
        ),
        (made(OrderRefunded, refund_id=REFUND), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_an_event_adds(event: Event, expected: Entry | None) -> None:
    assert entry_of(event) == expected


def test_nothing_personal_but_the_message_gets_in() -> None:
    whole = OrderPersonal(customer_name="canary-name", email="canary@example.com", phone="canary-phone", message="Hello")
    for kind in ENTRIES:
        others = {"payment_id", "parcel_id", "closing_id", "reported_by", "reason"}
        if issubclass(kind, events.OrderEvent) and not kind.model_fields.keys() & others:
            entry = entry_of(made(kind, personal=whole))
            assert entry is not None
            assert "canary" not in repr(entry), kind


def test_an_erased_order_keeps_what_happened_and_nothing_that_was_written() -> None:
    details = {"status": "shipped", "version": 3, "tracking": {"carrier": "Pathao", "number": "PX-1"}}
    entry = Entry("customer", STAFF, details, {"reason": "Rahima called"}, "Dear Rahima")
    assert forgotten(entry) == Entry("customer", STAFF, {"status": "shipped", "version": 3})


def test_every_event_read_about_an_order_is_decided() -> None:
    """A new event type of another service must be given an entry, or be named here as an echo."""
    echoes = {OrderRefunded}
    read = {event for event in events.EVENTS.values() if "notes" in event.readers}
    assert read == set(ENTRIES) | echoes | {CustomerErased, GuestLinkRevoked}


def test_sources_at_the_same_instant() -> None:
    ranks = [source_rank(source) for source in ("orders", "refunds", "documents", "a-newer-service")]
    assert ranks == sorted(set(ranks))


def test_what_an_event_tells_of_its_order() -> None:
    envelope = Envelope(
        id=uuid4(), type="x", source="s", subject="o", store_id="s", sequence=1, occurred_at=NOON, recorded_at=NOON, received_at=NOON
    )
    assert copy_of(made(events.OrderShipped), envelope) == OrderCopy(ORDER, "c1", "1001", 4)
    assert copy_of(made(RefundRequested), envelope) == OrderCopy(ORDER, "c1", "1001", 0)
    assert copy_of(document(), envelope) == OrderCopy(ORDER, "c1", None, 0)
    with pytest.raises(TypeError):
        copy_of(CustomerErased(occurred_at=NOON, customer_id="c1", order_ids=(), by=STAFF), envelope)
