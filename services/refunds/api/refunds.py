"""Calls that read refunds, and the shop's calls on them."""

from functools import partial
from typing import Annotated

from fastapi import Query, Response

from services.refunds.commands.adjust import adjust_refund
from services.refunds.commands.decide import approve_refund, decline_refund
from services.refunds.commands.inspect import inspect_goods
from services.refunds.commands.settle import report_settlement, save_pay_to
from services.refunds.queries import details, ledgers
from services.refunds.queries import refunds as queries
from services.refunds.queries.counts import counts_of
from services.refunds.requests import (
    MAX_LINES_BODY_BYTES,
    AdjustRefund,
    ApproveRefund,
    DeclineRefund,
    InspectGoods,
    RefundList,
    ReportSettlement,
    SavePayTo,
)
from services.refunds.rules.decisions import decisions
from services.refunds.views.files import AttachmentView
from services.refunds.views.refunds import RefundCountsView, RefundDetails, RefundSummaryView, RefundView, SettlementView
from shared.contracts.errors import Forbidden, NotFound, Refused, VersionConflict
from shared.contracts.ids import RefundId
from shared.data.db import Transaction
from shared.data.set_aside import one_row, shown
from shared.web.call import Call, DryRun, Router, problems
from shared.web.views import Page

router = Router(tags=["refunds"])
CHANGES = problems(NotFound, Refused, VersionConflict, Forbidden)


@router.get("/v1/refunds", operation_id="refunds_refund_list", response_model=Page[RefundSummaryView])
async def list_refunds(query: Annotated[RefundList, Query()], call: Call) -> Response:
    """Refunds, latest request first: the shop sees all of its store's, a customer their own, a guest those of their order."""
    async with call.walking() as tx:
        page = await queries.page(tx, call.actor, query, now=call.now, cursor=query.cursor, limit=query.limit)
    view = Page[RefundSummaryView]
    return await call.page(view, page, "refunds", lambda one: RefundSummaryView.of(one, now=call.now), lambda one: one.refund_id)


@router.get("/v1/refunds/counts", operation_id="refunds_counts_read", response_model=RefundCountsView, responses=problems(Forbidden))
async def counts(call: Call) -> Response:
    """How many refunds have each status, and how long decisions took."""
    async with call.reading() as tx:
        numbers = await counts_of(tx, call.actor, now=call.now)
        median = await queries.median_seconds_to_decide(tx, call.actor.store) if call.actor.is_shop else None
    return call.show(RefundCountsView(**numbers, median_seconds_to_decide=median))


@router.get("/v1/refunds/{refund_id}", operation_id="refunds_refund_read", response_model=RefundDetails, responses=problems(NotFound))
async def read(refund_id: RefundId, call: Call) -> Response:
    """One refund with its figures, files, settlement attempts and what the caller may do."""
    async with call.reading() as tx:
        refund = await queries.refund_for(tx, call.actor, refund_id)
        files = await details.files_of(tx, call.actor, refund_id)
        reports = await details.reports_of(tx, call.actor, refund_id)
        ledger = await ledgers.ledger(tx, call.actor, refund.order_id)
    may = decisions(refund, call.actor, ledger.position)
    store = call.actor.store
    some_files = await shown(call.db, "attachments", files, AttachmentView.showing, lambda row: (store, row.attachment_id))
    report_view = partial(SettlementView.of, currency=refund.currency)
    some_reports = await shown(call.db, "settlements", reports, report_view, lambda row: (store, f"{refund_id} {row.reference}"))
    with one_row("refunds", store, refund_id):
        view = RefundDetails.with_more(refund, call.actor, files=some_files, reports=some_reports, decisions=may)
    return call.show(view)


@router.post(
    "/v1/refunds/{refund_id}/approve", operation_id="refunds_refund_approve", response_model=RefundView, responses=CHANGES,
    max_body_size=MAX_LINES_BODY_BYTES,
)  # fmt: skip
async def approve(refund_id: RefundId, body: ApproveRefund, call: Call, dry_run: DryRun = False) -> Response:
    """Approve a request, whole or for fewer units, less fees. Final; a dry run shows what would be credited and paid."""
    return await call.change("refunds.approve", RefundView.of, approve_refund, refund_id, body, dry_run=dry_run)


@router.post(
    "/v1/refunds/adjustments", operation_id="refunds_adjustment_create", status_code=201, response_model=RefundView,
    responses=problems(NotFound, Refused, Forbidden),
)  # fmt: skip
async def adjust(body: AdjustRefund, call: Call, dry_run: DryRun = False) -> Response:
    """Give money back without units: a goodwill, shipping alone, or what was paid too much. Approved as it is made, and final."""

    async def work(tx: Transaction) -> RefundView:
        return RefundView.of(await adjust_refund(tx, call.actor, body, now=call.now), call.actor)

    return await call.once("refunds.adjust", work, status=201, dry_run=dry_run)


@router.post("/v1/refunds/{refund_id}/decline", operation_id="refunds_refund_decline", response_model=RefundView, responses=CHANGES)
async def decline(refund_id: RefundId, body: DeclineRefund, call: Call) -> Response:
    """Decline a request; its units are free again."""
    return await call.change("refunds.decline", RefundView.of, decline_refund, refund_id, body)


@router.post("/v1/refunds/{refund_id}/settlements", operation_id="refunds_settlement_report", response_model=RefundView, responses=CHANGES)
async def settle(refund_id: RefundId, body: ReportSettlement, call: Call) -> Response:
    """Report an attempt to move the money, or a part of it. Successes count until they add up; repeating a report changes nothing."""
    return await call.change("refunds.settle", RefundView.of, report_settlement, refund_id, body)


@router.put("/v1/refunds/{refund_id}/pay-to", operation_id="refunds_pay_to_save", response_model=RefundView, responses=CHANGES)
async def pay_to(refund_id: RefundId, body: SavePayTo, call: Call) -> Response:
    """Say where the money goes, as the shop or as the refund's customer, until money was sent. No event tells of it."""
    return await call.change("refunds.pay_to", RefundView.of, save_pay_to, refund_id, body, idempotent="optional")


@router.post(
    "/v1/refunds/{refund_id}/inspections", operation_id="refunds_goods_inspect", response_model=RefundView, responses=CHANGES,
    max_body_size=MAX_LINES_BODY_BYTES,
)  # fmt: skip
async def inspect(refund_id: RefundId, body: InspectGoods, call: Call) -> Response:
    """Decide whether goods waiting for inspection go back to stock."""
    return await call.change("refunds.inspect", RefundView.of, inspect_goods, refund_id, body)
