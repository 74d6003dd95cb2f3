"""Room for an order's life: the largest of each part that any of its events may carry, added up from the limits of the requests."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from services.orders.requests import words
from services.orders.requests.changes import EditOrder
from services.orders.requests.placing import MAX_COUPONS, MAX_PREPAID, MAX_TAX_NUMBERS, AddressInput
from services.orders.rules.room import (
    MAX_CANCELLED_PARTS,
    MAX_CLOSINGS,
    MAX_CLOSINGS_BYTES,
    MAX_EXTERNAL_DOCUMENTS,
    MAX_LINES_BYTES,
    MAX_OTHER_BYTES,
    MAX_PARCELS,
    MAX_PARCELS_BYTES,
    MAX_PART_CANCELLATIONS,
    MAX_PARTS_BYTES,
    MAX_PAYMENT_RECORDS,
    MAX_RECORD_BYTES,
    enough_room,
    lines_bytes,
)
from services.refunds import requests as refund_requests
from shared.contracts.errors import TooLarge
from shared.contracts.events import (
    EVENTS,
    MAX_EVENT_BYTES,
    MAX_ORDER_LINES,
    Address,
    By,
    Cancellation,
    CancelledUnits,
    Closing,
    ExternalDocument,
    History,
    InspectedLine,
    Order,
    OrderEvent,
    OrderLine,
    OrderPersonal,
    Parcel,
    ParcelLine,
    PartCancellation,
    Payment,
    Refund,
    RefundedBefore,
    RefundEvent,
    RefundLine,
    RefundPersonal,
    TaxRegistration,
    TaxRow,
    Tracking,
    UnitRange,
    event_bytes,
)
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.web.inputs import MAX_METHOD_CHARACTERS, CustomerId, Name, Reference, Word
from tests.rules.orders import NOW, ORDER_ID

WORST = "\x01"  # six bytes in JSON: more than any letter has
LATE = NOW + timedelta(microseconds=1)  # a time with all of its digits
PAYMENT_ID = "payment_01jd00000000000000000000a0"
REFUND_ID = "refund_01jd00000000000000000000a0"
ACTOR_ID = WORST * 128
MOST = MAX_AMOUNT_MINOR_UNITS


def longest(annotation: Any) -> str:
    """The worst text that a request may hold where it says `annotation`."""
    return WORST * int(TypeAdapter(annotation).json_schema()["maxLength"])


BY = By(role="customer", id=ACTOR_ID, via=f"platform:{ACTOR_ID}")
LINK = "https://" + WORST * 1_990
TRACKING = Tracking(carrier=longest(Word), number=longest(Word), url=LINK)
RECORD = Payment(
    payment_id=PAYMENT_ID, amount=-MOST, method=WORST * MAX_METHOD_CHARACTERS, reference=longest(Reference),
    collected_by=longest(Name), courier_charge=MOST, lines_version=2**31, order_version=2**31, occurred_at=LATE, recorded_at=LATE,
)  # fmt: skip
REVERSAL = RECORD.model_copy(update={"courier_charge": None, "reverses": PAYMENT_ID})
LINE = OrderLine(
    line=MAX_ORDER_LINES, sku="", name="", quantity=1_000_000, unit_price=MOST, subtotal=MOST, discount=MOST, order_discount=MOST, tax=MOST,
    total=MOST, stock_tracked=False,
)  # fmt: skip


def address() -> Address:
    parts = {name: longest(field.rebuild_annotation()) for name, field in AddressInput.model_fields.items() if name != "country_code"}
    return Address(country_code="BD", **parts)


def bare_order() -> Order:
    """Everything but lines and payments, as long as it can be."""
    cancellation = Cancellation(
        by=BY, cancelled_from="picked_up", reason=longest(words.Reason), order_version=2**31, occurred_at=LATE, recorded_at=LATE
    )
    dates = dict.fromkeys(("confirmed_at", "picked_up_at", "shipped_at", "delivered_at"), LATE)
    document = ExternalDocument(kind="cancelling_receipt", number=WORST * 100, issued_on=NOW.date(), order_version=2**31)
    return Order(
        imported=True, history=History(**dates, refunded=RefundedBefore(shipping=MOST)),
        external_documents=(document,) * MAX_EXTERNAL_DOCUMENTS,
        order_id=ORDER_ID, number=longest(words.OrderNumber), external_ref=longest(Word), version=2**31, status="picked_up", currency="BDT",
        language="l" * 35, prices_include_tax=False, customer_id=longest(CustomerId), lines=(), goods_total=MOST, discount_total=MOST,
        tax_total=MOST, shipping=MOST, shipping_tax=MOST, total=2 * MOST, collected=MOST, payment="unpaid", refunded_total=MOST,
        refund_state="partial", tracking=TRACKING, delivery_failed_at=LATE, cancellation=cancellation, placed_at=LATE, confirmed_at=LATE,
        delivered_at=LATE, fulfilment="shipping", shipping_method=WORST * 100, payment_method="m" * 40,
        coupon_codes=(longest(Word),) * MAX_COUPONS, supplied_on=NOW.date(), payment_due_on=NOW.date(), place_of_supply=WORST * 100,
        shipping_tax_rate="99.9999", shipping_tax_code=WORST * 20,
    )  # fmt: skip


PERSONAL = OrderPersonal(
    customer_name=longest(Name), email=WORST * 320, phone=longest(Name), shipping_address=address(), billing_address=address(),
    message=longest(words.Message), company=longest(Name), buyer_reference=WORST * 100, customer_note=longest(words.Message),
    tax_numbers=(TaxRegistration(label=WORST * 60, number=WORST * 60, scheme=WORST * 20),) * MAX_TAX_NUMBERS,
)  # fmt: skip
ALSO = {
    "payment_id": PAYMENT_ID,
    "refund_id": REFUND_ID,
    "reason": longest(words.Reason),
    "reported_by": longest(Name),
    "fields": (*EditOrder.model_fields, "company", "tax_numbers", "buyer_reference"),
    "changed": ("lines", "shipping", "discount"),
    "total_before": MOST,
    "part_cancellation_id": "part_cancellation_01jd00000000000000000000a0",
    "lines": (),
    "parcel_id": "parcel_01jd00000000000000000000a0",
    "change": "corrected",
    "closing_id": "closing_01jd00000000000000000000a0",
}
ORDER_EVENTS = [event for event in EVENTS.values() if issubclass(event, OrderEvent)]


@pytest.mark.parametrize("event", ORDER_EVENTS, ids=lambda event: event.type)
def test_what_no_line_and_no_payment_is_has_its_bound(event: type[OrderEvent]) -> None:
    also = {name: value for name, value in ALSO.items() if name in event.model_fields}
    made = event(occurred_at=LATE, order=bare_order(), by=BY, personal=PERSONAL, **also)
    assert event_bytes(made.model_dump(mode="json")) <= MAX_OTHER_BYTES - MAX_PARCELS_BYTES


def test_a_payment_record_has_its_bound() -> None:
    assert max(event_bytes([one.model_dump(mode="json")]) for one in (RECORD, REVERSAL)) <= MAX_RECORD_BYTES
    assert MAX_PREPAID <= MAX_PAYMENT_RECORDS


def test_part_cancellations_have_their_bound() -> None:
    units = CancelledUnits(line=10_000, quantity=1_000_000, released=1_000_000)
    part = PartCancellation(
        part_cancellation_id="part_cancellation_01jd00000000000000000000a0", by=BY, lines=(units,), reason=longest(words.Reason),
        order_version=2**31, occurred_at=LATE, recorded_at=LATE,
    )  # fmt: skip
    records = MAX_PART_CANCELLATIONS * event_bytes([part.model_dump(mode="json")])
    named = MAX_CANCELLED_PARTS * (event_bytes([units.model_dump(mode="json")]) + len(', "cancelled": 1000000'))
    told = event_bytes([units.model_dump(mode="json")]) * MAX_CANCELLED_PARTS  # the event's own lines
    assert records + named + told <= MAX_PARTS_BYTES


def test_closings_have_their_bound() -> None:
    closing = Closing(
        closing_id="closing_01jd00000000000000000000a0", kind="written_off", amount=MOST, reason="shortage", by=BY, occurred_at=LATE,
        order_version=2**31,
    )  # fmt: skip
    assert MAX_CLOSINGS * event_bytes([closing.model_dump(mode="json")]) <= MAX_CLOSINGS_BYTES


def test_the_longest_first_parcel_has_room() -> None:
    """So no step and no edit is refused for the tracking that it brings first."""
    parcel = Parcel(
        parcel_id="parcel_01jd00000000000000000000a0", **TRACKING.model_dump(), lines=(ParcelLine(line=10_000, quantity=1_000_000),),
        shipped_at=LATE, delivered_at=LATE,
    )  # fmt: skip
    assert event_bytes([parcel.model_dump(mode="json")]) <= MAX_PARCELS_BYTES
    usual = parcel.model_copy(update={"carrier": "Pathao", "number": "PX-102938475", "url": "https://merchant.pathao.com/tracking?id=PX"})
    assert event_bytes([usual.model_dump(mode="json")] * MAX_PARCELS) <= MAX_PARCELS_BYTES


def test_every_event_of_an_accepted_order_fits() -> None:
    records = 2 * MAX_PAYMENT_RECORDS * MAX_RECORD_BYTES + MAX_PARTS_BYTES + MAX_CLOSINGS_BYTES
    assert MAX_LINES_BYTES + records + MAX_OTHER_BYTES <= MAX_EVENT_BYTES


def test_every_event_of_its_refunds_fits() -> None:
    """Lines whose SKUs take all the room that an order's lines have, all of them refunded, and inspected with both outcomes."""
    skus = MAX_LINES_BYTES - MAX_ORDER_LINES * event_bytes([LINE.model_copy(update={"unit_price": None}).model_dump(mode="json")]) // 2
    line = RefundLine(
        line=MAX_ORDER_LINES, sku="", quantity=1_000_000, units=(UnitRange(first=1_000_000, last=1_000_000),) * 8, goods=MOST,
        shipping=MOST, disposition="never_left", restock=1_000_000, not_restocked_because="n" * 100, tax=MOST, fee=MOST,
    )  # fmt: skip
    row = TaxRow(net=MOST, tax=MOST, gross=MOST)
    inspected = InspectedLine(line=MAX_ORDER_LINES, sku="", quantity=1_000_000, disposition="discard", restock=1_000_000)
    refund = Refund(
        refund_id=REFUND_ID, order_id=ORDER_ID, order_number=longest(words.OrderNumber), customer_id=longest(CustomerId), version=2**31,
        status="processing", settlement="unsettled",
        cause="cancellation", payment_id=PAYMENT_ID, order_version=2**31, policy_version=2**31, reason="r" * 64,
        currency="BDT", amount=MOST, credit=MOST, goods=MOST, shipping=MOST, overpaid=MOST, shipping_kept=MOST, lines=(), requested_at=LATE,
        decided_at=LATE,
    )  # fmt: skip
    text = longest(refund_requests.Message)
    personal = RefundPersonal(description=text, further_information=text, message=text)
    bare = RefundEvent(occurred_at=LATE, refund=refund, by=BY, personal=personal)
    also = event_bytes({"inspection_id": str(UUID(int=0)), "reference": longest(Reference), "reason": WORST * 1_000})
    also += 2 * (MAX_ORDER_LINES + 1) * event_bytes([row.model_dump(mode="json")])
    lines = MAX_ORDER_LINES * (event_bytes([line.model_dump(mode="json")]) + 2 * event_bytes([inspected.model_dump(mode="json")]))
    assert event_bytes(bare.model_dump(mode="json")) + also + lines + 3 * skus <= MAX_EVENT_BYTES


def _line(name: str) -> str:
    return LINE.model_copy(update={"sku": "S", "name": name}).model_dump_json()


@pytest.mark.parametrize("letter", ["a", "ক", "😀", '"', "\n", WORST])
def test_what_is_promised_is_what_is_sent(letter: str) -> None:
    """Placing knows its lines as compact JSON, and promises by what PostgreSQL will write: byte for byte the same measure."""
    lines = [_line(letter * 50)] * 3
    data = {"lines": [OrderLine.model_validate_json(line).model_dump(mode="json") for line in lines]}
    assert lines_bytes(lines) == event_bytes(data) - event_bytes({"lines": []}) + len(", ")  # behind the last item no comma follows


def test_a_refusal_says_what_is_possible() -> None:
    line = _line("ক" * 50)
    fits = MAX_LINES_BYTES // lines_bytes([line])
    enough_room([line] * fits)
    with pytest.raises(TooLarge) as refusal:
        enough_room([line] * (fits + 1))
    assert refusal.value.facts == {"bytes": lines_bytes([line]) * (fits + 1), "most_bytes": MAX_LINES_BYTES}
    assert str(MAX_LINES_BYTES) in refusal.value.detail


def test_long_bengali_names_are_taken() -> None:
    usual = OrderLine(line=1_000, sku="PANJABI-42", name="ক" * 60, quantity=2, unit_price=125_000, subtotal=250_000, total=250_000)
    enough_room([usual.model_dump_json()] * MAX_ORDER_LINES)
