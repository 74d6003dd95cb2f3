"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Unpack

from kit.client.answers.orders import (
    ActionsView,
    BatchView,
    BulkView,
    CancelOutlook,
    GuestLinksView,
    GuestLinkView,
    OrderCountsView,
    OrderDetails,
    OrderFiguresView,
    OrderPage,
    OrderSummaryView,
    OrderView,
)
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection
from kit.client.download import Download
from kit.client.requests.orders import (
    AmendOrder,
    BulkCancellation,
    BulkParcel,
    BulkPayment,
    BulkTransition,
    CancelRequest,
    CloseDifference,
    DeliveryFailure,
    EditOrder,
    GuestLink,
    HandOver,
    ParcelEdit,
    ParcelInput,
    PartCancelRequest,
    PlaceBatch,
    PlaceOrder,
    RecordPayment,
    ReversePayment,
    Transition,
)
from kit.client.streams import StreamEvent


class Orders:
    """Calls of `/v1/orders…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(
        self,
        *,
        status: Sequence[Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"]] | None = None,
        payment: Sequence[Literal["paid", "unpaid"]] | None = None,
        refund_state: Sequence[Literal["none", "partial", "full"]] | None = None,
        customer_id: str | None = None,
        currency: str | None = None,
        placed_at_gte: datetime | None = None,
        placed_at_lt: datetime | None = None,
        total_gte: int | None = None,
        total_lte: int | None = None,
        needs_attention: bool | None = None,
        updated_at_gte: datetime | None = None,
        updated_at_lt: datetime | None = None,
        number: str | None = None,
        external_ref: str | None = None,
        sku: str | None = None,
        country: str | None = None,
        carrier: str | None = None,
        tracking_number: str | None = None,
        payment_method: str | None = None,
        payment_reference: str | None = None,
        fulfilment: Sequence[Literal["shipping", "pickup", "digital"]] | None = None,
        tag: str | None = None,
        q: str | None = None,
        sort: Literal["-placed_at", "updated_at"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> OrderPage:
        """Orders that the caller may see, newest first or as they changed. A page may be short and still have a next one: follow the
        cursor.
        """
        query = {
            "status": status,
            "payment": payment,
            "refund_state": refund_state,
            "customer_id": customer_id,
            "currency": currency,
            "placed_at.gte": placed_at_gte,
            "placed_at.lt": placed_at_lt,
            "total.gte": total_gte,
            "total.lte": total_lte,
            "needs_attention": needs_attention,
            "updated_at.gte": updated_at_gte,
            "updated_at.lt": updated_at_lt,
            "number": number,
            "external_ref": external_ref,
            "sku": sku,
            "country": country,
            "carrier": carrier,
            "tracking_number": tracking_number,
            "payment_method": payment_method,
            "payment_reference": payment_reference,
            "fulfilment": fulfilment,
            "tag": tag,
            "q": q,
            "sort": sort,
            "limit": limit,
            "cursor": cursor,
        }
        return await self._connection.answer(OrderPage, Call("GET", "/v1/orders", query=query))

    def all(
        self,
        *,
        status: Sequence[Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"]] | None = None,
        payment: Sequence[Literal["paid", "unpaid"]] | None = None,
        refund_state: Sequence[Literal["none", "partial", "full"]] | None = None,
        customer_id: str | None = None,
        currency: str | None = None,
        placed_at_gte: datetime | None = None,
        placed_at_lt: datetime | None = None,
        total_gte: int | None = None,
        total_lte: int | None = None,
        needs_attention: bool | None = None,
        updated_at_gte: datetime | None = None,
        updated_at_lt: datetime | None = None,
        number: str | None = None,
        external_ref: str | None = None,
        sku: str | None = None,
        country: str | None = None,
        carrier: str | None = None,
        tracking_number: str | None = None,
        payment_method: str | None = None,
        payment_reference: str | None = None,
        fulfilment: Sequence[Literal["shipping", "pickup", "digital"]] | None = None,
        tag: str | None = None,
        q: str | None = None,
        sort: Literal["-placed_at", "updated_at"] | None = None,
    ) -> AsyncIterator[OrderSummaryView]:
        """Every item of `list`, page by page."""
        query = {
            "status": status,
            "payment": payment,
            "refund_state": refund_state,
            "customer_id": customer_id,
            "currency": currency,
            "placed_at.gte": placed_at_gte,
            "placed_at.lt": placed_at_lt,
            "total.gte": total_gte,
            "total.lte": total_lte,
            "needs_attention": needs_attention,
            "updated_at.gte": updated_at_gte,
            "updated_at.lt": updated_at_lt,
            "number": number,
            "external_ref": external_ref,
            "sku": sku,
            "country": country,
            "carrier": carrier,
            "tracking_number": tracking_number,
            "payment_method": payment_method,
            "payment_reference": payment_reference,
            "fulfilment": fulfilment,
            "tag": tag,
            "q": q,
            "sort": sort,
        }
        return self._connection.items(OrderPage, Call("GET", "/v1/orders", query=query))

    async def place(self, *, dry_run: bool | None = None, idempotency_key: str | None = None, **body: Unpack[PlaceOrder]) -> OrderView:
        """Place an order, for platform and staff. The caller's figures are used if they add up; missing ones are computed.

        A dry run takes no number: where the series gives it, `number` is empty.
        """
        query = {"dry_run": dry_run}
        call = Call("POST", "/v1/orders", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(OrderView, call)

    async def place_batch(
        self,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[PlaceBatch],
    ) -> BatchView:
        """Place up to 1,000 orders, each independently. A repeat with the same key places only missing ones and returns the same
        response.
        """
        query = {"dry_run": dry_run}
        call = Call("POST", "/v1/orders/batch", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(BatchView, call)

    async def cancel_batch(
        self,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[BulkCancellation],
    ) -> BulkView:
        """Cancel up to 500 orders, each independently. A repeat with the same key cancels only missing ones."""
        query = {"dry_run": dry_run}
        call = Call("POST", "/v1/orders/cancellations", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(BulkView, call)

    async def read_counts(self) -> OrderCountsView:
        """How many of the store's orders have each status, payment and refund state."""
        return await self._connection.answer(OrderCountsView, Call("GET", "/v1/orders/counts"))

    def export(
        self,
        *,
        format: Literal["csv", "jsonl"] | None = None,
        bom: bool | None = None,
        status: Sequence[Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"]] | None = None,
        payment: Sequence[Literal["paid", "unpaid"]] | None = None,
        refund_state: Sequence[Literal["none", "partial", "full"]] | None = None,
        customer_id: str | None = None,
        currency: str | None = None,
        placed_at_gte: datetime | None = None,
        placed_at_lt: datetime | None = None,
        total_gte: int | None = None,
        total_lte: int | None = None,
        needs_attention: bool | None = None,
        updated_at_gte: datetime | None = None,
        updated_at_lt: datetime | None = None,
        number: str | None = None,
        external_ref: str | None = None,
        sku: str | None = None,
        country: str | None = None,
        carrier: str | None = None,
        tracking_number: str | None = None,
        payment_method: str | None = None,
        payment_reference: str | None = None,
        fulfilment: Sequence[Literal["shipping", "pickup", "digital"]] | None = None,
        tag: str | None = None,
        q: str | None = None,
        columns: Sequence[str] | None = None,
        rows: Literal["orders", "lines"] | None = None,
        time: Literal["utc", "local"] | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """Every order that matches, newest first, as CSV or JSON Lines, built while it is sent. No cell starts like a formula.

        A CSV has the columns that are asked for, with a row for each order or each of its lines; a line of JSON Lines is a whole order,
        as the caller may see it. It is not a snapshot: an order that exists throughout is included once, in its state when its page was
        read.
        """
        query = {
            "format": format,
            "bom": bom,
            "status": status,
            "payment": payment,
            "refund_state": refund_state,
            "customer_id": customer_id,
            "currency": currency,
            "placed_at.gte": placed_at_gte,
            "placed_at.lt": placed_at_lt,
            "total.gte": total_gte,
            "total.lte": total_lte,
            "needs_attention": needs_attention,
            "updated_at.gte": updated_at_gte,
            "updated_at.lt": updated_at_lt,
            "number": number,
            "external_ref": external_ref,
            "sku": sku,
            "country": country,
            "carrier": carrier,
            "tracking_number": tracking_number,
            "payment_method": payment_method,
            "payment_reference": payment_reference,
            "fulfilment": fulfilment,
            "tag": tag,
            "q": q,
            "columns": columns,
            "rows": rows,
            "time": time,
        }
        return self._connection.download(Call("GET", "/v1/orders/export", query=query))

    async def read_figures(
        self,
        *,
        at_gte: datetime,
        at_lt: datetime,
        by: Literal["hour", "day"] | None = None,
        currency: str | None = None,
    ) -> OrderFiguresView:
        """Orders placed, sold and collected by hour or day of the store's time zone, and the cash that is out, by currency.

        `sold` counts an order's total when it was placed; an amendment or cancellation counts its difference at its own time. What is
        credited for units or by a refund is not in it. `collected` counts payments, less reversals, when they occurred. `cash_out` is
        what is due now of orders whose goods left.
        """
        query = {"at.gte": at_gte, "at.lt": at_lt, "by": by, "currency": currency}
        return await self._connection.answer(OrderFiguresView, Call("GET", "/v1/orders/figures", query=query))

    def export_journal(
        self,
        *,
        format: Literal["csv", "jsonl"] | None = None,
        bom: bool | None = None,
        occurred_at_gte: datetime | None = None,
        occurred_at_lt: datetime | None = None,
        currency: str | None = None,
        method: str | None = None,
        collected_by: str | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """Every payment and reversal that matches, oldest first, as CSV or JSON Lines, built while it is sent. No cell starts like a
        formula.

        A reversal has a negative amount. It is not a snapshot: what exists throughout is included once.
        """
        query = {
            "format": format,
            "bom": bom,
            "occurred_at.gte": occurred_at_gte,
            "occurred_at.lt": occurred_at_lt,
            "currency": currency,
            "method": method,
            "collected_by": collected_by,
        }
        return self._connection.download(Call("GET", "/v1/orders/journal", query=query))

    async def add_batch(self, *, dry_run: bool | None = None, idempotency_key: str | None = None, **body: Unpack[BulkParcel]) -> BulkView:
        """Add up to 500 parcels, each independently. A repeat with the same key adds only missing ones."""
        query = {"dry_run": dry_run}
        call = Call("POST", "/v1/orders/parcels", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(BulkView, call)

    async def record_batch(
        self,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[BulkPayment],
    ) -> BulkView:
        """Record up to 500 payments, each independently: 201 for a new one, 200 for one that was there already. A repeat with the same
        key does only missing ones.
        """
        query = {"dry_run": dry_run}
        call = Call("POST", "/v1/orders/payments", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(BulkView, call)

    async def move_batch(
        self,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[BulkTransition],
    ) -> BulkView:
        """Move up to 500 orders, each independently. A repeat with the same key moves only missing ones and returns the same response."""
        query = {"dry_run": dry_run}
        call = Call("POST", "/v1/orders/transitions", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(BulkView, call)

    async def read(self, order_id: str) -> OrderDetails:
        """One order with its timeline and what the caller may do with it."""
        return await self._connection.answer(OrderDetails, Call("GET", f"/v1/orders/{segment(order_id)}"))

    async def read_if_changed(self, order_id: str, *, etag: str) -> OrderDetails | None:
        """As `read`, or None if what has the ETag `etag` is still the answer."""
        return await self._connection.answer_if_changed(OrderDetails, Call("GET", f"/v1/orders/{segment(order_id)}", if_none_match=etag))

    async def edit(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[EditOrder],
    ) -> OrderView:
        """Correct contact, addresses, tracking or what documents print beside the figures, with a reason, as a new version."""
        query = {"dry_run": dry_run}
        call = Call("PATCH", f"/v1/orders/{segment(order_id)}", if_match=if_match, key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(OrderView, call)

    async def read_actions(self, order_id: str) -> ActionsView:
        """What the caller may do with the order, and why not."""
        return await self._connection.answer(ActionsView, Call("GET", f"/v1/orders/{segment(order_id)}/actions"))

    async def read_actions_if_changed(self, order_id: str, *, etag: str) -> ActionsView | None:
        """As `read_actions`, or None if what has the ETag `etag` is still the answer."""
        call = Call("GET", f"/v1/orders/{segment(order_id)}/actions", if_none_match=etag)
        return await self._connection.answer_if_changed(ActionsView, call)

    async def create_amendment(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str,
        idempotency_key: str | None = None,
        **body: Unpack[AmendOrder],
    ) -> OrderView:
        """Change what was bought while the order is pending: the whole order is stated anew. If-Match is required: the whole is
        replaced.
        """
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/amendments",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def cancel(
        self,
        order_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[CancelRequest],
    ) -> OrderView:
        """Cancel an order. `dry_run=true` returns what would happen to the goods and changes nothing."""
        call = Call("POST", f"/v1/orders/{segment(order_id)}/cancel", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(OrderView, call)

    async def cancel_dry_run(
        self,
        order_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[CancelRequest],
    ) -> CancelOutlook:
        """What `cancel` would do now; nothing changes."""
        query = {"dry_run": True}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/cancel",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(CancelOutlook, call)

    async def create_closing(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[CloseDifference],
    ) -> OrderView:
        """Let a difference be: write off what is still due, or keep what was paid too much. Money that still comes needs no correction."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/closings",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def set_customer(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[HandOver],
    ) -> OrderView:
        """Hand an order to another customer, for the platform: its former customer no longer sees it, here and in every other service."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/customer",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def report_delivery_failure(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[DeliveryFailure],
    ) -> OrderView:
        """Record that a delivery was refused or failed."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/delivery-failures",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def create_guest_link(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[GuestLink],
    ) -> GuestLinkView:
        """Create a token with which a guest without an account reads this order. It is never stored: it is null in a late replay, and in
        a dry run.
        """
        query = {"dry_run": dry_run}
        call = Call("POST", f"/v1/orders/{segment(order_id)}/guest-links", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(GuestLinkView, call)

    async def list_guest_links(self, order_id: str) -> GuestLinksView:
        """The order's valid links, newest first, without their tokens."""
        return await self._connection.answer(GuestLinksView, Call("GET", f"/v1/orders/{segment(order_id)}/guest-links"))

    async def revoke_guest_link(
        self,
        order_id: str,
        link_id: str,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Revoke a link: at once in this service, and in the others once they receive the event. Repeating it is harmless."""
        query = {"dry_run": dry_run}
        call = Call(
            "DELETE",
            f"/v1/orders/{segment(order_id)}/guest-links/{segment(link_id)}",
            key=idempotency_key or new_key(),
            query=query,
        )
        await self._connection.nothing(call)

    async def add_parcel(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[ParcelInput],
    ) -> OrderView:
        """Add a parcel, from confirmation until 90 days after delivery; it moves no status."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/parcels",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def edit_parcel(
        self,
        order_id: str,
        parcel_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[ParcelEdit],
    ) -> OrderView:
        """Correct a parcel: carrier, number, link, contents, times."""
        query = {"dry_run": dry_run}
        call = Call(
            "PATCH",
            f"/v1/orders/{segment(order_id)}/parcels/{segment(parcel_id)}",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def remove_parcel(
        self,
        order_id: str,
        parcel_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> OrderView:
        """Remove a parcel; the timeline keeps it. `tracking` is then that of the first one left."""
        query = {"dry_run": dry_run}
        call = Call(
            "DELETE",
            f"/v1/orders/{segment(order_id)}/parcels/{segment(parcel_id)}",
            if_match=if_match,
            key=idempotency_key or new_key(),
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def create_part_cancellation(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[PartCancelRequest],
    ) -> OrderView:
        """Cancel units that never leave, while the rest of the order goes on; they are credited by themselves."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/part-cancellations",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def record_payment(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[RecordPayment],
    ) -> OrderView:
        """Record money that was collected. The same method and reference again return the same record; different figures are refused."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/payments",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    async def reverse_payment(
        self,
        order_id: str,
        payment_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[ReversePayment],
    ) -> OrderView:
        """Correct a recorded payment with a record of the opposite amount: of all that still stands of it, or of a part."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/payments/{segment(payment_id)}/reversals",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)

    def follow(self, order_id: str, *, last_event_id: int | None = None) -> AsyncGenerator[StreamEvent, None]:
        """Follow one order live: its latest change, then each new one. The id of an event is the order's version."""
        return self._connection.follow(Call("GET", f"/v1/orders/{segment(order_id)}/stream"), last_event_id)

    async def move(
        self,
        order_id: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[Transition],
    ) -> OrderView:
        """Move an order forward; steps may be skipped."""
        query = {"dry_run": dry_run}
        call = Call(
            "POST",
            f"/v1/orders/{segment(order_id)}/transitions",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
            query=query,
        )
        return await self._connection.answer(OrderView, call)
