"""What a print button prints. It prints something in every state of the order. None of these prints is a numbered document."""

from dataclasses import dataclass
from datetime import date

from services.documents.rules.compose import buyer_of, delivery_place, frame, payments_of, whole_order
from services.documents.rules.contents import language_of
from services.documents.rules.corrections import Issued, newest_invoice
from services.documents.rules.sample import NO_ORDER
from services.documents.rules.taxes import explained
from services.documents.state import (
    Button,
    Buyer,
    Contents,
    DocumentReference,
    ExternalReference,
    Letterhead,
    Mark,
    Requested,
    SaidClosing,
    SaidLine,
    SaidRequest,
    Terms,
    printed,
)
from shared.contracts.events import Order, OrderPersonal

MOST_PRINTS = 200
"""Orders that are printed by one call."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a print needs besides the order: the shop's letterhead, today in its time zone, whether slips say what is to be collected."""

    letterhead: Letterhead
    day: date
    time_zone: str
    slip_shows_due: bool = True


def issued_for(button: Button, order: Order, issued: Issued) -> DocumentReference | None:
    """The issued document that the button prints; None if a print must be composed.

    A receipt says what was paid with it, so it cannot say what was written off or kept since.
    """
    if button == "invoice":
        return newest_invoice(issued, order.order_id)
    if button == "receipt" and order.payment == "paid" and len(order.payments) == 1 and not order.closings:
        return issued.get(("payment", order.payments[0].payment_id))
    return None


def order_receipt(order: Order, desk: Desk, receipts: dict[str, str]) -> Contents:
    """Every payment so far, latest first, with a mark: unpaid, partly paid or paid; and what was written off or kept, by name.

    `receipts`: payment id to receipt number.
    """
    mark: Mark = "paid" if order.payment == "paid" else "part_paid" if order.collected > 0 else "unpaid"
    said = _print(order, desk).model_copy(
        update=whole_order(order)
        | {
            "kind": "order_receipt",
            "mark": mark,
            "payments": payments_of(order, desk.time_zone, receipts),
            "paid": order.collected,
            "balance": order.position.due,
            "closings": tuple(SaidClosing.like(one) for one in order.closings),
        }
    )
    return explained(said, desk.letterhead)


def draft_invoice(order: Order, personal: OrderPersonal, desk: Desk) -> Contents:
    """The invoice as it would be if the order were confirmed now."""
    said = _print(order, desk).model_copy(
        update=whole_order(order)
        | {
            "kind": "draft_invoice",
            "mark": "draft",
            "address": personal.billing_address,
            "buyer": buyer_of(personal),
            "order_terms": Terms.like(order),
            "delivery": delivery_place(order, personal, desk.letterhead),
        }
    )
    return explained(said, desk.letterhead)


def invoice_copy(order: Order, personal: OrderPersonal, desk: Desk) -> Contents:
    """What the invoice of another system is about, with its number and date if the order names it. It is no invoice, and not numbered."""
    named = sorted((one for one in order.external_documents if one.kind == "invoice"), key=lambda one: one.order_version)
    reference = ExternalReference.like(named[-1]) if named else None
    copied = {"kind": "invoice_copy", "mark": None, "refers_to_external": reference}
    return draft_invoice(order, personal, desk).model_copy(update=copied)


def slip(order: Order, personal: OrderPersonal, desk: Desk) -> Contents:
    """What goes with the goods, as they are handed over: no prices, but what is to be collected."""
    wishes = {one.line: one.personalisation for one in personal.lines}
    blank = _print(order, desk).model_copy(update=whole_order(order))
    left = {line.line: line.left for line in order.lines}
    lines = tuple(
        line.model_copy(update={"quantity": left[line.line], "personalisation": wishes.get(line.line, "")})
        for line in blank.lines
        if left[line.line]
    )
    methods = Terms(shipping_method=order.shipping_method, payment_method=order.payment_method)
    common = {"lines": lines, "note": personal.customer_note, "order_terms": methods, "terms": "", "taxes": ()}
    return blank.model_copy(update=common | _handed_over(order, personal, shows_due=desk.slip_shows_due))


def refund_request(order: Order, personal: OrderPersonal, asked: Requested, desk: Desk) -> Contents:
    """What was asked for, with date and time of its receipt: units, and what they would credit by the policy in force then."""
    refund = asked.refund
    placed = {line.line: line for line in order.lines}
    lines = tuple(
        SaidLine(
            line=one.line,
            sku=one.sku,
            name=placed[one.line].name if one.line in placed else one.sku,
            quantity=one.quantity,
            amount=one.goods,
            options=placed[one.line].options if one.line in placed else (),
        )
        for one in refund.lines
    )
    said = SaidRequest.like(
        asked.personal, refund_id=refund.refund_id, received_at=refund.requested_at, time_zone=desk.time_zone, reason=refund.reason
    )
    return _print(order, desk).model_copy(
        update={
            "kind": "refund_request",
            "buyer": buyer_of(personal),
            "address": personal.billing_address,
            "lines": lines,
            "goods": refund.goods,
            "shipping": refund.shipping,
            "total": refund.goods + refund.shipping,
            "request": said,
            "terms": "",
        }
    )


def blank(desk: Desk) -> Contents:
    """Contents that say nothing but whose they are: of the page that lists what is not printed.

    Kind, currency and total are those of no order and are not printed: a page of left out orders has only a letterhead and a list.
    """
    return Contents(
        **printed(desk.letterhead, language_of("en", desk.letterhead.language)),
        kind="packing_slip",
        issued_on=desk.day,
        order_id=NO_ORDER,
        order_number="",
        ordered_on=desk.day,
        customer_id="",
        currency="BDT",
        total=0,
    )


def _handed_over(order: Order, personal: OrderPersonal, *, shows_due: bool) -> dict[str, object]:
    """To whom the goods go, and how: by the current shipping address, over the counter, or not at all."""
    to_collect = order.position.due if shows_due else None
    contact = " · ".join(part for part in (personal.phone, personal.email) if part)
    buyer = Buyer(name=personal.customer_name)
    match order.fulfilment:
        case "shipping":
            tracking = f"{order.tracking.carrier} {order.tracking.number}" if order.tracking else ""
            address = personal.shipping_address
            return {"kind": "packing_slip", "address": address, "contact": contact, "tracking": tracking, "to_collect": to_collect}
        case "pickup":
            return {"kind": "collection_slip", "buyer": buyer, "contact": personal.phone, "to_collect": to_collect}
        case "digital":
            return {"kind": "digital_slip", "buyer": buyer, "contact": contact}


def _print(order: Order, desk: Desk) -> Contents:
    return frame(order, desk.letterhead, day=desk.day, time_zone=desk.time_zone)
