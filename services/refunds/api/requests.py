"""Calls to request a refund: what can be requested, a preview, the request, and its withdrawal."""

from typing import Annotated

from fastapi import Query, Response

from services.refunds.api.files import settings_of
from services.refunds.commands.automatic import plan_cancellation
from services.refunds.commands.decide import withdraw_refund
from services.refunds.commands.request import closing_time, plan, request_refund
from services.refunds.commands.settle import save_pay_to_of_order
from services.refunds.files import check
from services.refunds.queries import ledgers, policies
from services.refunds.requests import MAX_ATTACHMENTS, MAX_LINES_BODY_BYTES, OrderVersion, PreviewRefund, RequestRefund, SavePayTo
from services.refunds.rules import units
from services.refunds.rules.adjustments import may_adjust_at_all
from services.refunds.rules.amounts import left_of, refund_amount
from services.refunds.rules.claim import all_free
from services.refunds.rules.decisions import may_ask
from services.refunds.rules.explanation import of_units
from services.refunds.rules.lines import lines_of_units
from services.refunds.rules.payout import payout
from services.refunds.rules.taxes import taxed
from services.refunds.state import SHIPPING
from services.refunds.views.refunds import RefundView, known
from services.refunds.views.requests import (
    CancellationPayToView,
    CancellationPreviewView,
    RefundableLine,
    RefundableView,
    RefundPreviewView,
    previewed,
)
from shared.contracts.errors import Forbidden, NotFound, Refused, VersionConflict
from shared.contracts.ids import OrderId, RefundId
from shared.data.db import Transaction
from shared.web.call import WITHOUT_KEY, Call, Router, problems
from shared.web.views import ActionView, actions, money

router = Router(tags=["refunds"])


@router.post(
    "/v1/refunds", operation_id="refunds_refund_request", status_code=201, response_model=RefundView, responses=problems(NotFound, Refused),
    max_body_size=MAX_LINES_BODY_BYTES,
)  # fmt: skip
async def request(body: RequestRefund, call: Call) -> Response:
    """Request a refund of a delivered order, as its customer or on their behalf. The customer is not notified."""

    async def work(tx: Transaction) -> RefundView:
        return RefundView.of(await request_refund(tx, call.actor, body, now=call.now), call.actor)

    return await call.once("refunds.request", work, status=201)


@router.post(
    "/v1/refunds/preview",
    operation_id="refunds_refund_preview",
    response_model=RefundPreviewView,
    responses=problems(NotFound, Refused, Forbidden),
    openapi_extra=WITHOUT_KEY,
    max_body_size=MAX_LINES_BODY_BYTES,
)
async def preview(body: PreviewRefund, call: Call) -> Response:
    """What a request would credit and pay now, with the figures that it is computed from. Writes nothing; needs no Idempotency-Key."""
    async with call.reading() as tx:
        planned = await plan(tx, call.actor, body, now=call.now)
    ledger, amount, order = planned.ledger, planned.amount, planned.ledger.order
    paid = payout(ledger.position, amount.total)
    tax = taxed(order, lines_of_units(order, amount, dict.fromkeys(body.numbers, "inspect")), ledger.credited, payout=paid)
    view = RefundPreviewView(
        order_id=order.order_id,
        currency=order.currency,
        credit=money(amount.total, order.currency),
        payout=money(paid, order.currency),
        due_before=money(ledger.position.due, order.currency),
        **previewed(tax, order.currency),
        goods=money(amount.goods, order.currency),
        shipping=money(amount.shipping, order.currency),
        shipping_deducted=money(amount.shipping_deducted, order.currency),
        policy_version=planned.policy.version,
        explanation=of_units(order, amount, planned.policy.version, ledger.position),
    )
    return call.show(view)


@router.get(
    "/v1/refunds/refundable/{order_id}", operation_id="refunds_refundable_read", response_model=RefundableView, responses=problems(NotFound)
)
async def refundable(order_id: OrderId, call: Call) -> Response:
    """What can still be requested of an order, what each line's free units would pay, and whether a request is possible now."""
    async with call.reading() as tx:
        ledger = await ledgers.ledger(tx, call.actor, order_id)
        policy = await policies.policy_at(tx, call.actor.store, at=call.now)
        closes_at = await closing_time(tx, call.actor, ledger.order, policy)
    order, free = ledger.order, all_free(ledger.order, ledger.taken)
    deduct, credited = policy.deduct_shipping, ledger.credited
    amounts = {number: refund_amount(order, {number: ranges}, credited, deduct_shipping=deduct).total for number, ranges in free.items()}
    left = left_of(order, credited)
    view = RefundableView.showing(
        policy,
        order_id=order.order_id,
        order_number=order.number,
        currency=order.currency,
        request=ActionView.of("request", may_ask(order, policy, closes_at=closes_at, now=call.now)),
        closes_at=closes_at,
        reasons=list(policy.reasons),
        max_attachments=MAX_ATTACHMENTS if policy.attachments else 0,
        max_attachment_bytes=settings_of(call).attachment_max_bytes,
        attachment_types=[*check.TYPES.values(), check.PDF],
        lines=[
            RefundableLine.showing(
                line,
                free=units.count(free.get(line.line, ())),
                amount=money(amounts.get(line.line, 0), order.currency),
                left=money(left[line.line], order.currency),
            )
            for line in order.lines
        ],
        amount=money(refund_amount(order, free, credited, deduct_shipping=deduct).total, order.currency),
        due=money(ledger.position.due, order.currency),
        overpaid=money(ledger.position.overpaid, order.currency),
        shipping_left=money(left[SHIPPING], order.currency),
        actions=actions({"adjust": may_adjust_at_all(ledger, call.actor)}),
    )
    return call.show(view)


@router.get(
    "/v1/refunds/cancellation/{order_id}",
    operation_id="refunds_cancellation_preview",
    response_model=CancellationPreviewView,
    responses=problems(NotFound, Refused),
)
async def cancellation(order_id: OrderId, call: Call, order_version: Annotated[OrderVersion, Query()] = None) -> Response:
    """What cancelling the order now would do with its money, by the settings in force now. Writes nothing."""
    async with call.reading() as tx:
        planned = await plan_cancellation(tx, call.actor, order_id, order_version, now=call.now)
    currency, back, due = planned.order.currency, planned.back, planned.due
    view = CancellationPreviewView(
        order_id=order_id,
        order_version=planned.order.version,
        currency=currency,
        refund=due is not None,
        credit=money(back.goods + back.shipping, currency),
        payout=money(due.amount if due else 0, currency),
        due_before=money(planned.due_before, currency),
        goods=money(back.goods, currency),
        shipping=money(back.shipping, currency),
        overpaid=money(back.overpaid, currency),
        shipping_kept=money(due.shipping_kept if due else 0, currency),
        shipping_kept_tax=known(planned.tax.shipping_kept_tax, currency),
        **previewed(planned.tax, currency),
        open_requests=list(planned.open_requests),
        policy_version=planned.policy.version,
        explanation=planned.explanation,
    )
    return call.show(view)


@router.put(
    "/v1/refunds/cancellation/{order_id}/pay-to",
    operation_id="refunds_cancellation_pay_to_save",
    response_model=CancellationPayToView,
    responses=problems(NotFound, Refused, Forbidden),
)
async def cancellation_pay_to(order_id: OrderId, body: SavePayTo, call: Call) -> Response:
    """Say where the money goes that comes back by itself, when an order is cancelled or soon after. Cancelling itself is a call of orders.

    Refunds that the cancellation makes take it over, also those of money that is recorded later, and those that were made already unless
    money was sent. Personal: no event tells of it.
    """

    async def work(tx: Transaction) -> CancellationPayToView:
        return CancellationPayToView.of(await save_pay_to_of_order(tx, call.actor, order_id, body, now=call.now), call.actor)

    return await call.once("refunds.cancellation_pay_to", work, idempotent="optional")


@router.post(
    "/v1/refunds/{refund_id}/withdraw",
    operation_id="refunds_refund_withdraw",
    response_model=RefundView,
    responses=problems(NotFound, Refused, VersionConflict, Forbidden),
)
async def withdraw(refund_id: RefundId, call: Call) -> Response:
    """Withdraw the caller's own open request; its units become free again."""
    return await call.change("refunds.withdraw", RefundView.of, withdraw_refund, refund_id)
