"""Calls that change one order, and those that change many."""

from collections.abc import Sequence
from typing import Any

from fastapi import Response

from services.orders.api.orders import MAX_ORDER_BODY_BYTES
from services.orders.commands.amend import amend_order
from services.orders.commands.bulk import Command, Decide, bulk_of, change_each, change_together
from services.orders.commands.cancel import cancel_in_part, cancel_order, cancel_outlook
from services.orders.commands.closing import close_difference
from services.orders.commands.edit import edit_order
from services.orders.commands.hand_over import hand_over
from services.orders.commands.parcels import add_parcel_of_item, parcel_revision
from services.orders.commands.payments import payment_revision, record_payment, reverse_payment
from services.orders.commands.transitions import move_order, move_revision, report_failed_delivery
from services.orders.requests.amending import AmendOrder
from services.orders.requests.bulk import BulkCancellation, BulkItem, BulkParcel, BulkPayment, BulkTransition, Malformed
from services.orders.requests.changes import (
    CancelRequest,
    CloseDifference,
    DeliveryFailure,
    EditOrder,
    HandOver,
    PartCancelRequest,
    RecordPayment,
    ReversePayment,
    Transition,
)
from services.orders.state import Recorded
from services.orders.views.batch import BulkView
from services.orders.views.cancellations import CancelOutlook
from services.orders.views.orders import OrderView
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden, NotFound, PreconditionRequired, Refused, TooLarge, VersionConflict
from shared.contracts.ids import OrderId, PaymentId
from shared.data.db import Transaction
from shared.web.call import DRY_RUN_HEADER, MANY_VALUES, SHOP_ONLY, Call, DryRun, Router, problems

router = Router()
CHANGE = problems(NotFound, Forbidden, Refused, VersionConflict)

MAX_BULK_BODY_BYTES = 1_500_000
BULK: dict[str, Any] = {
    "response_model": BulkView, "responses": problems(Forbidden), "max_body_size": MAX_BULK_BODY_BYTES,
    "openapi_extra": SHOP_ONLY | MANY_VALUES,
}  # fmt: skip


@router.post("/orders/transitions", operation_id="orders_batch_move", **BULK)
async def transition_many(request: BulkTransition, call: Call, dry_run: DryRun = False) -> Response:
    """Move up to 500 orders, each independently. A repeat with the same key moves only missing ones and returns the same response."""
    return await _each(call, "orders.transition_many", request.items, move_order, move_revision, dry_run=dry_run)


@router.post("/orders/payments", operation_id="orders_batch_record", **BULK)
async def pay_many(request: BulkPayment, call: Call, dry_run: DryRun = False) -> Response:
    """Record up to 500 payments, each independently: 201 for a new one, 200 for one that was there already. A repeat with the same key
    does only missing ones.
    """
    return await _each(call, "orders.pay_many", request.items, record_payment, payment_revision, dry_run=dry_run)


@router.post("/orders/cancellations", operation_id="orders_batch_cancel", **BULK)
async def cancel_many(request: BulkCancellation, call: Call, dry_run: DryRun = False) -> Response:
    """Cancel up to 500 orders, each independently. A repeat with the same key cancels only missing ones."""
    return await _each(call, "orders.cancel_many", request.items, cancel_order, dry_run=dry_run)


@router.post("/orders/parcels", operation_id="orders_batch_add", **BULK)
async def pack_many(request: BulkParcel, call: Call, dry_run: DryRun = False) -> Response:
    """Add up to 500 parcels, each independently. A repeat with the same key adds only missing ones."""
    return await _each(call, "orders.pack_many", request.items, add_parcel_of_item, parcel_revision, dry_run=dry_run)


async def _each(
    call: Call, name: str, items: Sequence[BulkItem | Malformed], command: Command, decide: Decide | None = None, *, dry_run: bool
) -> Response:
    reservation = await call.reservation()
    assert reservation is not None
    bulk = await bulk_of(call.db, call.actor, items, name=name, key=reservation.key, path=call.request.url.path, now=call.now)
    if decide is None or dry_run:
        results = await change_each(bulk, command, dry_run=dry_run)
    else:
        results = await change_together(bulk, decide, command)
    headers = {DRY_RUN_HEADER: "true"} if dry_run else {}
    return call.show(BulkView.of(results), **headers)


@router.post("/orders/{order_id}/transitions", operation_id="orders_order_move", response_model=OrderView, responses=CHANGE)
async def transition(order_id: OrderId, request: Transition, call: Call, dry_run: DryRun = False) -> Response:
    """Move an order forward; steps may be skipped."""
    return await call.change("orders.transition", OrderView.of, move_order, order_id, request, dry_run=dry_run)


@router.post(
    "/orders/{order_id}/delivery-failures", operation_id="orders_delivery_failure_report", response_model=OrderView, responses=CHANGE
)
async def delivery_failed(order_id: OrderId, request: DeliveryFailure, call: Call, dry_run: DryRun = False) -> Response:
    """Record that a delivery was refused or failed."""
    return await call.change("orders.delivery_failed", OrderView.of, report_failed_delivery, order_id, request, dry_run=dry_run)


@router.post("/orders/{order_id}/payments", operation_id="orders_payment_record", response_model=OrderView, responses=CHANGE)
async def payment(order_id: OrderId, request: RecordPayment, call: Call, dry_run: DryRun = False) -> Response:
    """Record money that was collected. The same method and reference again return the same record; different figures are refused."""
    return await call.change("orders.record_payment", _with_payment, record_payment, order_id, request, dry_run=dry_run)


def _with_payment(recorded: Recorded, actor: Actor) -> OrderView:
    return OrderView.of(recorded.state, actor)


@router.post(
    "/orders/{order_id}/payments/{payment_id}/reversals", operation_id="orders_payment_reverse", response_model=OrderView, responses=CHANGE
)
async def reversal(order_id: OrderId, payment_id: PaymentId, request: ReversePayment, call: Call, dry_run: DryRun = False) -> Response:
    """Correct a recorded payment with a record of the opposite amount: of all that still stands of it, or of a part."""
    return await call.change("orders.reverse_payment", OrderView.of, reverse_payment, order_id, payment_id, request, dry_run=dry_run)


@router.post(
    "/orders/{order_id}/amendments", operation_id="orders_amendment_create", response_model=OrderView,
    responses=problems(NotFound, Forbidden, Refused, VersionConflict, PreconditionRequired, TooLarge), max_body_size=MAX_ORDER_BODY_BYTES,
)  # fmt: skip
async def amend(order_id: OrderId, request: AmendOrder, call: Call, dry_run: DryRun = False) -> Response:
    """Change what was bought while the order is pending: the whole order is stated anew. If-Match is required: the whole is replaced."""
    expected = call.if_match_required

    async def work(tx: Transaction) -> OrderView:
        return OrderView.of(await amend_order(tx, call.actor, order_id, request, now=call.now, expected_version=expected), call.actor)

    return await call.once("orders.amend", work, dry_run=dry_run)


@router.post(
    "/orders/{order_id}/part-cancellations", operation_id="orders_part_cancellation_create", response_model=OrderView, responses=CHANGE
)
async def cancel_part(order_id: OrderId, request: PartCancelRequest, call: Call, dry_run: DryRun = False) -> Response:
    """Cancel units that never leave, while the rest of the order goes on; they are credited by themselves."""
    return await call.change("orders.cancel_in_part", OrderView.of, cancel_in_part, order_id, request, dry_run=dry_run)


@router.post("/orders/{order_id}/closings", operation_id="orders_closing_create", response_model=OrderView, responses=CHANGE)
async def close(order_id: OrderId, request: CloseDifference, call: Call, dry_run: DryRun = False) -> Response:
    """Let a difference be: write off what is still due, or keep what was paid too much. Money that still comes needs no correction."""
    return await call.change("orders.close_difference", OrderView.of, close_difference, order_id, request, dry_run=dry_run)


@router.post("/orders/{order_id}/cancel", operation_id="orders_order_cancel", response_model=OrderView | CancelOutlook, responses=CHANGE)
async def cancel(
    order_id: OrderId,
    request: CancelRequest,
    call: Call,
    dry_run: DryRun = False,
) -> Response:
    """Cancel an order. `dry_run=true` returns what would happen to the goods and changes nothing."""
    if dry_run:
        async with call.reading() as tx:
            outlook = await cancel_outlook(tx, call.actor, order_id, expected_version=call.if_match)
            return call.show(CancelOutlook.of(*outlook), **{DRY_RUN_HEADER: "true"})
    return await call.change("orders.cancel", OrderView.of, cancel_order, order_id, request)


@router.post("/orders/{order_id}/customer", operation_id="orders_customer_set", response_model=OrderView, responses=CHANGE)
async def to_another_customer(order_id: OrderId, request: HandOver, call: Call, dry_run: DryRun = False) -> Response:
    """Hand an order to another customer, for the platform: its former customer no longer sees it, here and in every other service."""
    return await call.change("orders.hand_over", OrderView.of, hand_over, order_id, request, dry_run=dry_run)


@router.patch(
    "/orders/{order_id}", operation_id="orders_order_edit", response_model=OrderView,
    responses=problems(NotFound, Forbidden, Refused, VersionConflict, TooLarge), max_body_size=MAX_ORDER_BODY_BYTES,
)  # fmt: skip
async def edit(order_id: OrderId, request: EditOrder, call: Call, dry_run: DryRun = False) -> Response:
    """Correct contact, addresses, tracking or what documents print beside the figures, with a reason, as a new version."""
    return await call.change("orders.edit", OrderView.of, edit_order, order_id, request, idempotent="optional", dry_run=dry_run)
