"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Unpack

from kit.client.answers.refunds import (
    AttentionPage,
    AttentionView,
    CancellationPayToView,
    CancellationPreviewView,
    RefundableView,
    RefundCountsView,
    RefundDetails,
    RefundFiguresView,
    RefundPreviewView,
    RefundSummaryPage,
    RefundSummaryView,
    RefundView,
)
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection
from kit.client.download import Download
from kit.client.requests.refunds import (
    AdjustRefund,
    ApproveRefund,
    CloseAttention,
    DeclineRefund,
    InspectGoods,
    PreviewRefund,
    ReportSettlement,
    RequestRefund,
    SavePayTo,
)


class Refunds:
    """Calls of `/v1/refunds…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def request(self, *, idempotency_key: str | None = None, **body: Unpack[RequestRefund]) -> RefundView:
        """Request a refund of a delivered order, as its customer or on their behalf. The customer is not notified."""
        return await self._connection.answer(RefundView, Call("POST", "/v1/refunds", key=idempotency_key or new_key(), body=body))

    async def list(
        self,
        *,
        status: Literal["processing", "approved", "cancelled"] | None = None,
        settlement: Literal["none", "unsettled", "settled", "failed"] | None = None,
        cause: Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"] | None = None,
        order_id: str | None = None,
        order_number: str | None = None,
        customer_id: str | None = None,
        requested_at_gte: datetime | None = None,
        requested_at_lt: datetime | None = None,
        overdue: bool | None = None,
        q: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> RefundSummaryPage:
        """Refunds, latest request first: the shop sees all of its store's, a customer their own, a guest those of their order."""
        query = {
            "status": status,
            "settlement": settlement,
            "cause": cause,
            "order_id": order_id,
            "order_number": order_number,
            "customer_id": customer_id,
            "requested_at.gte": requested_at_gte,
            "requested_at.lt": requested_at_lt,
            "overdue": overdue,
            "q": q,
            "limit": limit,
            "cursor": cursor,
        }
        return await self._connection.answer(RefundSummaryPage, Call("GET", "/v1/refunds", query=query))

    def all(
        self,
        *,
        status: Literal["processing", "approved", "cancelled"] | None = None,
        settlement: Literal["none", "unsettled", "settled", "failed"] | None = None,
        cause: Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"] | None = None,
        order_id: str | None = None,
        order_number: str | None = None,
        customer_id: str | None = None,
        requested_at_gte: datetime | None = None,
        requested_at_lt: datetime | None = None,
        overdue: bool | None = None,
        q: str | None = None,
    ) -> AsyncIterator[RefundSummaryView]:
        """Every item of `list`, page by page."""
        query = {
            "status": status,
            "settlement": settlement,
            "cause": cause,
            "order_id": order_id,
            "order_number": order_number,
            "customer_id": customer_id,
            "requested_at.gte": requested_at_gte,
            "requested_at.lt": requested_at_lt,
            "overdue": overdue,
            "q": q,
        }
        return self._connection.items(RefundSummaryPage, Call("GET", "/v1/refunds", query=query))

    async def create_adjustment(
        self,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[AdjustRefund],
    ) -> RefundView:
        """Give money back without units: a goodwill, shipping alone, or what was paid too much. Approved as it is made, and final."""
        query = {"dry_run": dry_run}
        call = Call("POST", "/v1/refunds/adjustments", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(RefundView, call)

    async def list_attention(self, *, closed: bool | None = None, limit: int | None = None, cursor: str | None = None) -> AttentionPage:
        """Open items, oldest first; or, with `closed`, the closed ones."""
        query = {"closed": closed, "limit": limit, "cursor": cursor}
        return await self._connection.answer(AttentionPage, Call("GET", "/v1/refunds/attention", query=query))

    def all_attention(self, *, closed: bool | None = None) -> AsyncIterator[AttentionView]:
        """Every item of `list_attention`, page by page."""
        query = {"closed": closed}
        return self._connection.items(AttentionPage, Call("GET", "/v1/refunds/attention", query=query))

    async def close_attention(
        self,
        attention_id: str,
        *,
        idempotency_key: str | None = None,
        **body: Unpack[CloseAttention],
    ) -> AttentionView:
        """Close an item with a note that says what was found."""
        call = Call("POST", f"/v1/refunds/attention/{segment(attention_id)}/close", key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(AttentionView, call)

    async def preview_cancellation(self, order_id: str, *, order_version: int | None = None) -> CancellationPreviewView:
        """What cancelling the order now would do with its money, by the settings in force now. Writes nothing."""
        query = {"order_version": order_version}
        call = Call("GET", f"/v1/refunds/cancellation/{segment(order_id)}", query=query)
        return await self._connection.answer(CancellationPreviewView, call)

    async def save_cancellation_pay_to(
        self,
        order_id: str,
        *,
        idempotency_key: str | None = None,
        **body: Unpack[SavePayTo],
    ) -> CancellationPayToView:
        """Say where the money goes that comes back by itself, when an order is cancelled or soon after. Cancelling itself is a call of
        orders.

        Refunds that the cancellation makes take it over, also those of money that is recorded later, and those that were made already
        unless money was sent. Personal: no event tells of it.
        """
        call = Call("PUT", f"/v1/refunds/cancellation/{segment(order_id)}/pay-to", key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(CancellationPayToView, call)

    async def read_counts(self) -> RefundCountsView:
        """How many refunds have each status, and how long decisions took."""
        return await self._connection.answer(RefundCountsView, Call("GET", "/v1/refunds/counts"))

    def export(
        self,
        *,
        format: Literal["csv", "jsonl"] | None = None,
        bom: bool | None = None,
        status: Literal["processing", "approved", "cancelled"] | None = None,
        settlement: Literal["none", "unsettled", "settled", "failed"] | None = None,
        cause: Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"] | None = None,
        order_id: str | None = None,
        order_number: str | None = None,
        customer_id: str | None = None,
        requested_at_gte: datetime | None = None,
        requested_at_lt: datetime | None = None,
        overdue: bool | None = None,
        q: str | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """Every refund that matches, latest request first, as CSV or JSON Lines. No cell starts like a formula.

        It is built while it is sent and so is not a snapshot: a refund that exists throughout is included once, as of when its page was
        read.
        """
        query = {
            "format": format,
            "bom": bom,
            "status": status,
            "settlement": settlement,
            "cause": cause,
            "order_id": order_id,
            "order_number": order_number,
            "customer_id": customer_id,
            "requested_at.gte": requested_at_gte,
            "requested_at.lt": requested_at_lt,
            "overdue": overdue,
            "q": q,
        }
        return self._connection.download(Call("GET", "/v1/refunds/export", query=query))

    async def read_figures(
        self,
        *,
        at_gte: datetime,
        at_lt: datetime,
        by: Literal["hour", "day"] | None = None,
        currency: str | None = None,
    ) -> RefundFiguresView:
        """Refunds requested, credited, approved to be paid back, and sent, by hour or day of the store's time zone and by currency.

        `credited` and `paid_back` count when a refund was approved, `sent` when it was reported. `to_send` is what is approved and not
        sent yet. What had been refunded before an order was imported is in none of them.
        """
        query = {"at.gte": at_gte, "at.lt": at_lt, "by": by, "currency": currency}
        return await self._connection.answer(RefundFiguresView, Call("GET", "/v1/refunds/figures", query=query))

    def export_journal(
        self,
        *,
        format: Literal["csv", "jsonl"] | None = None,
        bom: bool | None = None,
        occurred_at_gte: datetime | None = None,
        occurred_at_lt: datetime | None = None,
        currency: str | None = None,
        method: str | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """All money that went back and matches, in parts as it was reported, oldest first, as CSV or JSON Lines, built while it is sent.

        A report that failed or counts nothing is not in it. No cell starts like a formula. It is not a snapshot: what exists throughout
        is included once.
        """
        query = {
            "format": format,
            "bom": bom,
            "occurred_at.gte": occurred_at_gte,
            "occurred_at.lt": occurred_at_lt,
            "currency": currency,
            "method": method,
        }
        return self._connection.download(Call("GET", "/v1/refunds/journal", query=query))

    async def preview(self, **body: Unpack[PreviewRefund]) -> RefundPreviewView:
        """What a request would credit and pay now, with the figures that it is computed from. Writes nothing; needs no Idempotency-Key."""
        return await self._connection.answer(RefundPreviewView, Call("POST", "/v1/refunds/preview", writes=False, body=body))

    async def read_refundable(self, order_id: str) -> RefundableView:
        """What can still be requested of an order, what each line's free units would pay, and whether a request is possible now."""
        return await self._connection.answer(RefundableView, Call("GET", f"/v1/refunds/refundable/{segment(order_id)}"))

    async def read(self, refund_id: str) -> RefundDetails:
        """One refund with its figures, files, settlement attempts and what the caller may do."""
        return await self._connection.answer(RefundDetails, Call("GET", f"/v1/refunds/{segment(refund_id)}"))

    async def read_if_changed(self, refund_id: str, *, etag: str) -> RefundDetails | None:
        """As `read`, or None if what has the ETag `etag` is still the answer."""
        return await self._connection.answer_if_changed(RefundDetails, Call("GET", f"/v1/refunds/{segment(refund_id)}", if_none_match=etag))

    async def approve(
        self,
        refund_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[ApproveRefund],
    ) -> RefundView:
        """Approve a request, whole or for fewer units, less fees. Final; a dry run shows what would be credited and paid."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/refunds/{segment(refund_id)}/approve",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(RefundView, call)

    async def decline(
        self,
        refund_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[DeclineRefund],
    ) -> RefundView:
        """Decline a request; its units are free again."""
        call = Call("POST", f"/v1/refunds/{segment(refund_id)}/decline", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(RefundView, call)

    async def inspect_goods(
        self,
        refund_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[InspectGoods],
    ) -> RefundView:
        """Decide whether goods waiting for inspection go back to stock."""
        call = Call("POST", f"/v1/refunds/{segment(refund_id)}/inspections", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(RefundView, call)

    async def save_pay_to(
        self,
        refund_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[SavePayTo],
    ) -> RefundView:
        """Say where the money goes, as the shop or as the refund's customer, until money was sent. No event tells of it."""
        call = Call("PUT", f"/v1/refunds/{segment(refund_id)}/pay-to", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(RefundView, call)

    async def report_settlement(
        self,
        refund_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[ReportSettlement],
    ) -> RefundView:
        """Report an attempt to move the money, or a part of it. Successes count until they add up; repeating a report changes nothing."""
        call = Call("POST", f"/v1/refunds/{segment(refund_id)}/settlements", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(RefundView, call)

    async def withdraw(self, refund_id: str, *, if_match: str | None = None, idempotency_key: str | None = None) -> RefundView:
        """Withdraw the caller's own open request; its units become free again."""
        call = Call("POST", f"/v1/refunds/{segment(refund_id)}/withdraw", if_match=if_match, key=idempotency_key or new_key())
        return await self._connection.answer(RefundView, call)
