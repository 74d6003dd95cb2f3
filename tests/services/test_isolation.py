"""P14. Nobody reads or changes what is not theirs: every route, every kind of caller, own, another's and missing resources.

The routes come from the services' own OpenAPI documents. A route that is not in MAY fails here until somebody says who may call it.
"""

import asyncio
import json
import re
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest

from deploy.operator.registry import SERVICES
from tests.services.isolation_estate import CANARY, INTERNAL, PRIVATE, Estate, Stranger, operations, send
from tests.services.schemathesis_world import PNG
from tests.shop import Shop, order_p
from tests.stack import Stack

SHOP = {"platform", "staff", "reader", "same_staff", "same_platform"}  # whoever sees the whole store
WRITERS = {"platform", "staff", "same_staff", "same_platform"}
SELF = {"customer", "behalf"}  # the customer, also by way of a platform
SEES = SHOP | SELF | {"guest"}  # whoever sees this one order
ACTS = WRITERS | SELF
OTHERS = {"other_customer", "other_behalf", "other_staffs_id", "other_orders_id", "other_platforms_id"}
LISTS = SEES | OTHERS | {"other_guest"}  # everybody, each their own

MAY: dict[str, set[str]] = {
    "orders_order_list": LISTS, "orders_order_export": LISTS, "orders_order_read": SEES, "orders_actions_read": SEES,
    "orders_order_follow": SEES,
    "orders_counts_read": SHOP, "orders_figures_read": SHOP, "orders_journal_export": SHOP,
    "orders_settings_read": SHOP, "orders_settings_history_list": SHOP,
    "notes_settings_history_list": SHOP, "documents_settings_history_list": SHOP,
    "orders_stock_read": SHOP, "orders_stock_movement_list": SHOP, "orders_stock_list": LISTS,
    "orders_order_place": WRITERS, "orders_batch_place": WRITERS, "orders_order_move": WRITERS, "orders_batch_move": WRITERS,
    "orders_batch_record": WRITERS, "orders_batch_cancel": WRITERS, "orders_batch_add": WRITERS,
    "orders_parcel_add": WRITERS, "orders_parcel_edit": WRITERS, "orders_parcel_remove": WRITERS,
    "orders_delivery_failure_report": WRITERS, "orders_payment_record": WRITERS, "orders_payment_reverse": WRITERS,
    "orders_order_edit": WRITERS, "orders_amendment_create": WRITERS, "orders_part_cancellation_create": WRITERS,
    "orders_closing_create": WRITERS,
    "orders_customer_set": {"platform", "same_platform"},
    "orders_settings_save": WRITERS, "orders_stock_save": WRITERS, "orders_stock_adjust": WRITERS, "orders_customer_erase": WRITERS,
    "orders_order_cancel": ACTS, "orders_guest_link_create": ACTS, "orders_guest_link_list": SHOP | SELF, "orders_guest_link_revoke": ACTS,
    "refunds_refund_list": LISTS, "refunds_counts_read": LISTS, "refunds_policy_read": LISTS,
    "refunds_refund_read": SEES, "refunds_refundable_read": SEES, "refunds_cancellation_preview": SEES, "refunds_refund_export": LISTS,
    "refunds_attachment_download": SHOP | SELF, "refunds_attachment_upload": ACTS | OTHERS,
    "refunds_attachment_limits_read": LISTS, "documents_logo_limits_read": SHOP,
    "refunds_attention_list": SHOP, "refunds_policy_history_list": SHOP,
    "refunds_refund_request": ACTS, "refunds_refund_preview": ACTS, "refunds_refund_withdraw": SELF,
    "refunds_refund_approve": WRITERS, "refunds_refund_decline": WRITERS, "refunds_settlement_report": WRITERS,
    "refunds_pay_to_save": ACTS, "refunds_cancellation_pay_to_save": ACTS, "refunds_figures_read": SHOP, "refunds_journal_export": SHOP,
    "refunds_adjustment_create": WRITERS,
    "refunds_goods_inspect": WRITERS, "refunds_attention_close": WRITERS, "refunds_policy_save": WRITERS,
    "notes_note_list": SEES, "notes_timeline_read": SEES, "notes_timeline_follow": SEES, "notes_unread_list": LISTS,
    "notes_settings_read": SHOP, "notes_note_add": ACTS, "notes_read_mark_set": ACTS, "notes_note_edit": WRITERS,
    "notes_note_retract": WRITERS, "notes_settings_save": WRITERS, "documents_document_list": LISTS,
    "documents_order_document_list": SEES, "documents_document_read": SEES, "documents_document_download": SEES,
    "documents_e_invoice_download": SEES, "documents_document_verify": SEES, "documents_order_print": SEES,
    "documents_orders_print": WRITERS, "documents_waiting_list": SHOP, "documents_correction_create": WRITERS,
    "documents_archive_download": SHOP, "documents_series_list": SHOP,
    "documents_settings_read": SHOP, "documents_logo_read": SHOP, "documents_settings_preview": WRITERS,
    "documents_settings_save": WRITERS, "documents_logo_save": WRITERS, "documents_logo_remove": WRITERS,
    "webhooks_endpoint_list": SHOP, "webhooks_endpoint_read": SHOP, "webhooks_delivery_list": SHOP, "webhooks_delivery_read": SHOP,
    "webhooks_event_list": SHOP, "webhooks_event_follow": SHOP, "webhooks_event_read": SHOP,
    "webhooks_endpoint_create": WRITERS, "webhooks_endpoint_edit": WRITERS, "webhooks_endpoint_remove": WRITERS,
    "webhooks_secret_create": WRITERS, "webhooks_test_request": WRITERS, "webhooks_delivery_replay": WRITERS, "webhooks_replay_read": SHOP,
}  # fmt: skip

OF_A_STORE = {"orders_stock_save", "orders_customer_erase"}  # name something that every store may have of its own
OF_MANY = {"orders_batch_move", "orders_batch_record", "orders_batch_cancel", "orders_batch_add"}  # answer for each order
LAST = {"orders_batch_cancel", "orders_order_cancel", "orders_customer_erase", "webhooks_endpoint_remove"}  # take away what the others need

PLACE = re.compile(r"\{(\w+)\}")
REPORT = {"outcome": "succeeded", "reference": "third", "method": "card"}
LINES = [{"line": 1, "quantity": 1}]
BODIES: dict[str, Any] = {
    "orders_order_place": order_p(),
    "orders_batch_place": {"orders": [order_p()]},
    "orders_order_move": {"to": "delivered"},
    "orders_batch_move": {"items": [{"order_id": "{order_id}", "to": "delivered"}]},
    "orders_batch_record": {"items": [{"order_id": "{order_id}", "amount": 1, "method": "cod", "reference": "remitted"}]},
    "orders_batch_cancel": {"items": [{"order_id": "{order_id}", "reason": "no stock"}]},
    "orders_batch_add": {"items": [{"order_id": "{order_id}", "parcel": {"carrier": "Pathao", "number": "P-2"}}]},
    "orders_parcel_add": {"carrier": "Pathao", "number": "P-3"},
    "orders_parcel_edit": {"number": "P-4"},
    "orders_delivery_failure_report": {"reason": "nobody at home"},
    "orders_payment_record": {"amount": 1, "method": "cod", "reference": "extra"},
    "orders_payment_reverse": {"reason": "bounced"},
    "orders_order_edit": {"reason": "typo", "customer": {"name": "Taken Over"}},
    "orders_amendment_create": {"reason": "by phone", "lines": [{"line": 1, "quantity": 1}]},
    "orders_part_cancellation_create": {"reason": "not there", "lines": LINES},
    "orders_closing_create": {"kind": "written_off", "amount": 1, "reason": "rounding"},
    "orders_customer_set": {"customer_id": "c-1", "reason": "theirs already"},
    "orders_order_cancel": {"reason": "not mine"},
    "orders_guest_link_create": {},
    "orders_settings_save": {"cancel_preset": "cancellation-control", "customer_cancel_until": "delivered", "stock": False,
                            "number_prefix": "X", "time_zone": "UTC"},
    "orders_stock_save": {"on_hand": 5},
    "orders_stock_adjust": {"quantity": 1, "reason": "found"},
    "refunds_refund_request": {"order_id": "{order_id}", "lines": LINES, "reason": "damaged"},
    "refunds_refund_preview": {"order_id": "{order_id}", "lines": LINES, "reason": "damaged"},
    "refunds_refund_approve": {},
    "refunds_adjustment_create": {"order_id": "{order_id}", "kind": "goodwill", "amount": 1},
    "refunds_refund_decline": {"internal_reason": "no"},
    "refunds_settlement_report": REPORT,
    "refunds_pay_to_save": {"pay_to": {"method": "bkash", "account": "01712345678", "holder": "Rahima"}},
    "refunds_cancellation_pay_to_save": {"pay_to": None},
    "refunds_goods_inspect": {"lines": [{"line": 1, "quantity": 1, "disposition": "discard"}]},
    "refunds_attention_close": {"note": "looked at"},
    "refunds_policy_save": {"manage_stock": True, "attachments": False, "deduct_shipping": True},
    "notes_note_add": {"order_id": "{order_id}", "audience": "customer", "text": "hello"},
    "notes_read_mark_set": {},
    "notes_note_edit": {"text": "taken over"},
    "notes_settings_save": {"customer_answers": True},
    "documents_settings_save": {},
    "documents_correction_create": {"reason": "the company was missing", "company": "Taken Over"},
    "documents_settings_preview": {},
    "documents_orders_print": {"order_ids": ["{order_id}"], "button": "packing-slip"},
    "webhooks_endpoint_create": {"url": "https://hooks.example/in", "types": ["webhook_endpoint.*"]},
    "webhooks_endpoint_edit": {"description": "taken over"},
    "webhooks_secret_create": {},
    "webhooks_delivery_replay": {"state": "delivered"},
}  # fmt: skip
QUERIES = {
    "refunds_figures_read": "?at.gte=2026-01-01T00:00:00Z&at.lt=2026-01-02T00:00:00Z",
    "orders_figures_read": "?at.gte=2026-01-01T00:00:00Z&at.lt=2026-01-02T00:00:00Z",
    "notes_note_list": "?order_id={order_id}",
    "webhooks_delivery_list": "?endpoint_id={endpoint_id}",
}


class Asking:
    """How each operation of one service is called for the estate's own or for missing resources."""

    def __init__(self, service: str, estate: Estate, client: httpx2.AsyncClient, document: dict[str, Any]) -> None:
        self.base, self.estate, self.client = estate.shop.stack.urls[service], estate, client
        self.routes = {name: (method, path + QUERIES.get(name, "")) for name, method, path in operations(document)}
        self.gate = asyncio.Semaphore(8)

    def names(self, operation: str) -> bool:
        """Whether the call names a resource that belongs to somebody."""
        named = self.routes[operation][1] + json.dumps(BODIES.get(operation))
        return PLACE.search(named) is not None and operation not in OF_A_STORE

    async def ask(self, operation: str, caller: Stranger, ids: dict[str, str]) -> tuple[int, bytes]:
        """One call; what is not ours to know is cut from the answer, so that two answers can be compared byte by byte."""
        method, path = self.routes[operation]
        content: dict[str, Any] = {}
        if operation == "documents_logo_save":
            content = {"content": PNG}
        elif operation in BODIES:
            content = {"content": _filled(json.dumps(BODIES[operation]), ids)}
        if operation == "refunds_attachment_upload":
            form = {"files": {"file": ("photo.png", PNG, "image/png")}, "data": {"customer_id": "c-1"}}
            return await self.answer(method, path, ids, caller.headers, form)
        headers = {"Content-Type": "image/png" if operation == "documents_logo_save" else "application/json", "If-Match": '"v0"'}
        headers = headers if content else {"If-Match": '"v0"'} if method == "DELETE" else {}
        if operation not in {"orders_settings_save", "documents_settings_save", "notes_settings_save", "refunds_policy_save",
                             "documents_logo_save", "documents_logo_remove", "orders_amendment_create"}:  # fmt: skip
            headers.pop("If-Match", None)
        return await self.answer(method, path, ids, {**headers, **caller.headers}, content)

    async def answer(
        self, method: str, path: str, ids: dict[str, str], headers: dict[str, str], content: dict[str, Any]
    ) -> tuple[int, bytes]:
        """Send it, not too many at once."""
        async with self.gate:
            status, body = await send(self.client, method, f"{self.base}{_filled(path, ids)}", headers, **content)
        return status, re.sub(rb'"(instance|trace_id)":"[^"]*",?', b"", body)


def _filled(text: str, ids: dict[str, str]) -> str:
    return PLACE.sub(lambda match: ids[match[1]], text)


@pytest.fixture(scope="module")
async def estate(stack: Stack, client: httpx2.AsyncClient, pools: dict[str, Any]) -> Estate:
    return await Estate(Shop(stack, client, pools), Shop(stack, client, pools)).prepare()


async def _asking(service: str, estate: Estate, client: httpx2.AsyncClient) -> Asking:
    document = (await client.get(f"{estate.shop.stack.urls[service]}/service/openapi.json")).json()
    return Asking(service, estate, client, document)


def _unclassified(routes: Iterable[str]) -> set[str]:
    return set(routes) - set(MAY)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_reads_or_changes_what_is_not_theirs(service: str, estate: Estate, client: httpx2.AsyncClient) -> None:
    asking = await _asking(service, estate, client)
    assert _unclassified(asking.routes) == set(), "say in MAY who may call these"
    before = await estate.settled()
    refused = [
        (operation, caller) for operation in asking.routes for caller in estate.callers.values() if caller.name not in MAY[operation]
    ]
    wrong = [line for found in await asyncio.gather(*(_refusal(asking, *one) for one in refused)) for line in found]
    assert not wrong, "\n".join(wrong)
    after = await estate.settled()
    assert {table for table in after if after[table] != before[table]} == set()


async def _refusal(asking: Asking, operation: str, caller: Stranger) -> list[str]:
    """What is wrong with how `caller` is refused."""
    estate, who = asking.estate, f"{operation} by {caller.name}"
    of_their_own = operation in OF_A_STORE and caller.name.startswith("foreign")
    status, body = await asking.ask(operation, caller, estate.theirs if of_their_own else estate.ids)
    wrong = []
    if any(canary.encode() in body for canary in (CANARY, PRIVATE, INTERNAL)):
        wrong.append(f"{who}: shows what is not theirs: {body[:200]!r}")
    if caller.name in ("anonymous", "forged", "expired"):
        expected = status == 401
    elif caller.name == "staff_behalf":
        expected = status == 403
    elif caller.name.startswith("foreign") and not asking.names(operation):
        expected = status < 500  # it is about their own store; ours is compared afterwards
    elif operation in OF_MANY and caller.name.startswith("foreign") and status == 200:
        expected = b"not_found" in body and b'"order":' not in body
    else:
        expected = status in (403, 404)
    if not expected:
        wrong.append(f"{who}: {status} {body[:200]!r}")
    if asking.names(operation) and caller.name.startswith(("other", "foreign")):
        of_missing = await asking.ask(operation, caller, estate.missing)
        shown = [
            re.sub(rb"(order|refund|note|document|payment|parcel|attention|attachment)_[0-9a-z]{26}", b"ID", one)
            for one in (body, of_missing[1])
        ]
        if status != of_missing[0] or shown[0] != shown[1]:
            wrong.append(f"{who}: an existing one answers {status} {body[:200]!r}, a missing one {of_missing[0]} {of_missing[1][:200]!r}")
    return wrong


@pytest.mark.timeout(1_800)
async def test_whoever_may_is_not_refused_and_sees_only_their_own(stack: Stack, client: httpx2.AsyncClient, pools: dict[str, Any]) -> None:
    """The control of the test above: the same calls, by whoever may make them. A rule may say no, isolation must not.

    It cancels and erases in the end, so it has an estate of its own.
    """
    estate = await Estate(Shop(stack, client, pools), Shop(stack, client, pools)).prepare()
    wrong = [line for service in (*SERVICES[1:], "orders") for line in await _refused_though_they_may(service, estate, client)]
    assert not wrong, "\n".join(wrong)


NONE_LEFT = {"documents_logo_read", "documents_e_invoice_download", "webhooks_endpoint_remove", "orders_parcel_remove"}
"""What the estate has none of, or none any more once the first caller has removed it."""


async def _refused_though_they_may(service: str, estate: Estate, client: httpx2.AsyncClient) -> list[str]:
    asking = await _asking(service, estate, client)
    wrong = []
    for operation in sorted(asking.routes, key=lambda one: (one in LAST, one)):
        for caller in estate.callers.values():
            if caller.name not in MAY[operation]:
                continue
            status, body = await asking.ask(operation, caller, estate.ids)
            missing = status == 404 and operation in NONE_LEFT
            if not (status < 400 or status in (409, 412) or missing):
                wrong.append(f"{operation} by {caller.name}: {status} {body[:300]!r}")
            if (PRIVATE.encode() in body or INTERNAL.encode() in body) and caller.name not in SHOP:
                wrong.append(f"{operation} by {caller.name} shows what is the staff's")
            if CANARY.encode() in body and caller.name.startswith("other"):
                wrong.append(f"{operation} by {caller.name} shows what is not theirs")
    return wrong


MOST_PAGES = 12


async def test_lists_hold_only_what_is_the_callers(estate: Estate, client: httpx2.AsyncClient) -> None:
    """No id of the store stands in an answer, a header or a cursor for whom it does not belong to, whatever the list and its page."""
    theirs = {name: [estate.ids[name]] for name in ("order_id", "refund_id", "document_id", "note_id", "payment_id")}
    wrong, pages = [], 0
    for service in SERVICES:
        asking = await _asking(service, estate, client)
        for operation in [one for one in asking.routes if MAY[one] == LISTS]:
            for caller in estate.callers.values():
                strange = caller.name.startswith(("other", "foreign"))
                hidden = [one for ids in theirs.values() for one in ids] if strange else []
                hidden += [estate.ids["another_order_id"]] if caller.name in {"customer", "behalf", "guest"} else []
                for text in await _pages(asking, operation, caller) if hidden else []:
                    pages += 1
                    wrong += [(operation, caller.name, one) for one in [*hidden, INTERNAL] if one.encode() in text]
    assert wrong == []
    assert pages > 100


async def _pages(asking: Asking, operation: str, caller: Stranger) -> list[bytes]:
    """A list page by page, one item on each, also as a search by the SKU that every order has."""
    _, path = asking.routes[operation]
    found = []
    for query in ("?limit=1", "?limit=1&q=TEE-1", ""):
        more = query
        for _ in range(MOST_PAGES):
            _, text = await asking.answer("GET", path + more, asking.estate.ids, caller.headers, {})
            found.append(text)
            cursor = re.search(rb'"next_cursor":"([^"]+)"', text)
            if cursor is None:
                break
            more = f"{query}&cursor={cursor[1].decode()}"
    return found


async def test_who_has_the_same_id_in_another_role_reads_no_reason(estate: Estate) -> None:
    """Decision 0108: a reason is for who gave it, and that is a role and an id."""
    path = f"/orders/v1/orders/{estate.ids['another_order_id']}"
    by_staff = (await estate.shop.caller("staff", "c-2").get(path)).ok()
    assert by_staff["cancellation"]["reason"] == INTERNAL
    for caller, headers in ((estate.shop.caller("customer", "c-2"), {}), (estate.shop.platform, {"On-Behalf-Of": "c-2"})):
        seen = (await caller.get(path, headers=headers)).ok()
        assert INTERNAL.encode() not in seen.content
        assert (seen["cancellation"]["reason"], seen["cancellation"]["by"]) == ("", {"role": "staff", "id": None, "via": None})
        assert {entry["reason"] for entry in seen["timeline"]} == {""}


async def test_a_new_route_is_noticed() -> None:
    assert _unclassified([*MAY, "orders_brand_new"]) == {"orders_brand_new"}
