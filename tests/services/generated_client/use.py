"""Plays one order's life with nothing but the generated client: run by the Python that generated it, never by pytest itself.

    python use.py ADDRESS STAFF_TOKEN CUSTOMER_TOKEN      the client's package `aftersale_client` is beside the working directory

Prints what the services answered, as JSON.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from aftersale_client import AuthenticatedClient
from aftersale_client.api.documents import documents_document_download, documents_order_document_list
from aftersale_client.api.notes import notes_note_add, notes_timeline_read
from aftersale_client.api.orders import orders_order_list, orders_order_move, orders_order_place, orders_order_read, orders_payment_record
from aftersale_client.api.refunds import refunds_refund_approve, refunds_refund_request
from aftersale_client.models import (
    ApproveRefund,
    NoteInput,
    NoteInputAudience,
    PlaceOrder,
    RecordPayment,
    RequestRefund,
    Transition,
    TransitionTo,
)

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1
HEAL = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
"""How a service answers that has not heard yet of what another one did."""


def main(address: str, staff_token: str, customer_token: str) -> None:
    """Place, pay, deliver, note, refund, document. Raises AssertionError with the problem that was answered."""
    staff = AuthenticatedClient(address, staff_token, raise_on_unexpected_status=True)
    customer = AuthenticatedClient(address, customer_token, raise_on_unexpected_status=True)
    order = done(orders_order_place.sync_detailed(client=staff, body=PlaceOrder.from_dict(json.load(sys.stdin)), idempotency_key=key()))
    order_id = order.order_id
    for status in ("confirmed", "picked_up", "shipped", "delivered"):
        body = Transition(to=TransitionTo(status))
        done(orders_order_move.sync_detailed(order_id, client=staff, body=body, idempotency_key=key()))
    paid = RecordPayment.from_dict({"amount": order.total.amount, "method": "cod", "reference": "cod-1"})
    done(orders_payment_record.sync_detailed(order_id, client=staff, body=paid, idempotency_key=key()))
    wanted = RequestRefund.from_dict({"order_id": order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged"})
    refund = soon(lambda: refunds_refund_request.sync_detailed(client=customer, body=wanted, idempotency_key=key()))
    approve = partial(refunds_refund_approve.sync_detailed, refund.refund_id, client=staff, body=ApproveRefund())
    approved = soon(lambda: approve(idempotency_key=key()))
    note = NoteInput(order_id=order_id, audience=NoteInputAudience.CUSTOMER, text="We are sorry about the sleeve.")
    written = soon(lambda: notes_note_add.sync_detailed(client=staff, body=note, idempotency_key=key()))
    issued = soon(partial(documents_order_document_list.sync_detailed, order_id, client=staff), lambda page: len(page.items) == 3)
    pdf = documents_document_download.sync_detailed(issued.items[0].document_id, client=staff)
    done(pdf)
    told = soon(
        partial(notes_timeline_read.sync_detailed, order_id, client=customer),
        lambda page: "refund.approved" in {entry.type_ for entry in page.items},
    )
    read = soon(
        partial(orders_order_read.sync_detailed, order_id, client=customer),
        lambda seen: seen.refunded_total.amount == refund.amount.amount,
    )
    said = {
        "order": read.to_dict(),
        "listed": [one.order_id for one in done(orders_order_list.sync_detailed(client=staff)).items],
        "refund": approved.to_dict(),
        "note": written.to_dict(),
        "documents": [one.to_dict() for one in issued.items],
        "pdf": pdf.content[:5].decode(),
        "timeline": [entry.to_dict() for entry in told.items],
    }
    sys.stdout.write(json.dumps(said, default=str))


def key() -> str:
    """A fresh Idempotency-Key."""
    return uuid.uuid4().hex


def done(answer: Any) -> Any:
    """The typed body of a success. Raises AssertionError with what else was answered."""
    assert 200 <= answer.status_code < 300, answer.content.decode()
    return answer.parsed


def soon(ask: Callable[[], Any], until: Callable[[Any], bool] = lambda _: True) -> Any:
    """The first answer that is right, from a service that hears of it by an event."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = ask()
        if answer.status_code not in HEAL and until(done(answer)):
            return answer.parsed
        assert time.monotonic() < deadline, answer.content.decode()
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
