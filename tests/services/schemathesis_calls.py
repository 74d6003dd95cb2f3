"""What a made-up call needs to be able to succeed: whose path it names, what its body points to, which version it changes.

`PATHS`, `QUERIES` and `BODIES` are per operation; what is not named there is sent as it was generated.
"""

import uuid
from collections.abc import Callable
from typing import Any

from schemathesis.transport.serialization import Binary

from tests.services.schemathesis_world import PNG, World
from tests.shop import BANGLADESH

Body = dict[str, Any]

UNTOUCHED = 0.2  # of the calls that could succeed are sent as they were generated
SETTINGS = {"orders_settings_save", "notes_settings_save", "refunds_policy_save", "documents_settings_save",
            "documents_logo_save", "documents_logo_remove"}  # fmt: skip


def _order(find: Callable[[World], str]) -> Callable[[World], dict[str, str]]:
    return lambda world: {"order_id": find(world)}


def _refund(find: Callable[[World], str]) -> Callable[[World], dict[str, str]]:
    return lambda world: {"refund_id": find(world)}


def _document(world: World) -> dict[str, str]:
    return {"document_id": world.choice.choice(world.documents)}


def _sku(world: World) -> dict[str, str]:
    return {"sku": "TEE-1"}


def _endpoint(world: World) -> dict[str, str]:
    return {"endpoint_id": world.endpoint}


def _payment(world: World) -> dict[str, str]:
    order_id, payment_id = world.payment()
    return {"order_id": order_id, "payment_id": payment_id}


def _parcel(world: World) -> dict[str, str]:
    order_id = _shipped(world)
    return {"order_id": order_id, "parcel_id": world.parcel(order_id)}


def _link(world: World) -> dict[str, str]:
    order_id = world.order(customer_id=uuid.uuid4().hex)  # whom no made-up call has erased
    return {"order_id": order_id, "link_id": world.link(order_id)}


def _shipped(world: World) -> str:
    return world.move(world.order(), "shipped")


PATHS: dict[str, Callable[[World], dict[str, str]]] = {
    "orders_order_read": _order(World.any_order),
    "orders_actions_read": _order(World.any_order),
    "orders_order_edit": _order(World.order),
    "orders_order_cancel": _order(World.order),
    "orders_amendment_create": _order(World.order),
    "orders_part_cancellation_create": _order(_shipped),
    "orders_parcel_add": _order(_shipped),
    "orders_parcel_edit": _parcel,
    "orders_parcel_remove": _parcel,
    "orders_closing_create": _order(_shipped),
    "orders_customer_set": _order(World.order),
    "orders_order_move": _order(World.order),
    "orders_payment_record": _order(World.order),
    "orders_delivery_failure_report": _order(_shipped),
    "orders_payment_reverse": _payment,
    "orders_order_follow": _order(World.any_order),
    "orders_customer_erase": lambda world: {"customer_id": uuid.uuid4().hex},  # not the one whose orders the other calls need
    "orders_guest_link_create": _order(World.any_order),
    "orders_guest_link_list": _order(World.any_order),
    "orders_guest_link_revoke": _link,
    "refunds_refundable_read": _order(World.any_order),
    "refunds_cancellation_preview": _order(World.any_order),
    "refunds_cancellation_pay_to_save": _order(World.any_order),
    "refunds_refund_read": _refund(lambda world: world.choice.choice(world.refunds)),
    "refunds_refund_withdraw": _refund(World.requested),
    "refunds_refund_approve": _refund(World.requested),
    "refunds_refund_decline": _refund(World.requested),
    "refunds_settlement_report": _refund(World.approved),
    "refunds_pay_to_save": _refund(World.approved),
    "refunds_goods_inspect": _refund(World.approved),
    "refunds_attachment_download": lambda world: {"attachment_id": world.attachment},
    "refunds_attention_close": lambda world: {"attention_id": world.attention()},
    "notes_timeline_read": _order(World.any_order),
    "notes_timeline_follow": _order(World.any_order),
    "notes_read_mark_set": _order(World.any_order),
    "notes_note_edit": lambda world: {"note_id": world.note()},
    "notes_note_retract": lambda world: {"note_id": world.note()},
    "documents_order_print": _order(World.any_order),
    "documents_order_document_list": _order(World.any_order),
    "documents_document_read": _document,
    "documents_document_download": _document,
    "documents_e_invoice_download": _document,
    "documents_document_verify": _document,
    "documents_correction_create": lambda world: {"document_id": world.invoice()},
    "orders_stock_read": _sku,
    "orders_stock_save": _sku,
    "orders_stock_adjust": _sku,
    "orders_stock_movement_list": _sku,
    "webhooks_endpoint_read": _endpoint,
    "webhooks_endpoint_edit": _endpoint,
    "webhooks_endpoint_remove": lambda world: {"endpoint_id": world.paused_endpoint()},
    "webhooks_secret_create": _endpoint,
    "webhooks_test_request": _endpoint,
    "webhooks_delivery_replay": _endpoint,
    "webhooks_delivery_read": lambda world: {"delivery_id": world.delivery},
    "webhooks_replay_read": lambda world: {"replay_id": world.replay},
    "webhooks_event_read": lambda world: {"event_id": world.event},
}


def _placed(world: World, body: Body) -> Body:
    """The generated order with figures that add up, a real address and nobody else's number."""
    lines = [{"sku": line.get("sku") or "X", "name": line.get("name", ""), "quantity": line.get("quantity") or 1, "unit_price": 1_000}
             for line in body.get("lines", [])[:20] if isinstance(line, dict)]  # fmt: skip
    kept: Body = {key: body[key] for key in ("language", "metadata") if key in body}
    customer = {"id": "c-1", "name": "Rahima Begum"}
    sound = [{**line, "sku": str(line["sku"]).strip() or "X", "quantity": min(line["quantity"], 1_000)} for line in lines]
    return {**kept, "currency": "BDT", "customer": customer, "shipping_address": BANGLADESH, "lines": sound or [
        {"sku": "TEE-2", "name": "T-shirt", "quantity": 1, "unit_price": 1_000}]}  # fmt: skip


def _moved(world: World, body: Body) -> Body:
    return {key: value for key, value in body.items() if key in ("to", "message", "tracking")}


def _named(world: World, item: Body) -> Body:
    """An item of a bulk change, for an order that is there."""
    kept = {key: value for key, value in item.items() if key in ("to", "message", "tracking", "reason")}
    return {**kept, "order_id": world.order()}


def _packed(world: World, item: Body) -> Body:
    return {"order_id": world.move(world.order(), "confirmed"), "parcel": {"carrier": "Pathao", "number": uuid.uuid4().hex}}


def _paid(world: World, body: Body) -> Body:
    kept = {key: value for key, value in body.items() if key in ("method", "collected_by")}
    return {**kept, "amount": min(body.get("amount", 1), 10**12), "reference": uuid.uuid4().hex, "method": kept.get("method", "cod")}


def _edited(world: World, body: Body) -> Body:
    moved = {**BANGLADESH, "street_address": f"House {uuid.uuid4().hex[:6]}"}
    parts = {"customer": {"name": uuid.uuid4().hex[:8]}, "shipping_address": moved, "billing_address": moved}
    chosen = world.choice.choice(list(parts))
    return {"reason": body.get("reason", "").strip() or "moved house", chosen: parts[chosen]}


def _requested(world: World, body: Body) -> Body:
    kept = {key: value for key, value in body.items() if key in ("description", "further_information")}
    quantity = world.choice.randint(1, 9)
    return {**kept, "order_id": world.delivered(), "lines": [{"line": 1, "quantity": quantity}], "reason": "damaged"}


def _approved(world: World, body: Body) -> Body:
    disposition = world.choice.choice(["restock", "inspect", "discard"])
    lines: Body = {"lines": [{"line": 1, "quantity": world.choice.randint(1, 2), "disposition": disposition}]}
    return ({} if world.choice.random() < 0.3 else lines) | ({"message": body["message"]} if "message" in body else {})


def _settled(world: World, body: Body) -> Body:
    said = {key: value for key, value in body.items() if key != "payment_id"}
    return said | {"reference": uuid.uuid4().hex, "method": str(body.get("method", "")).strip() or "card"}


def _inspected(world: World, body: Body) -> Body:
    return {"lines": [{"line": 1, "quantity": world.choice.randint(1, 2), "disposition": world.choice.choice(["restock", "discard"])}]}


def _policy(world: World, body: Body) -> Body:
    return {key: value for key, value in body.items() if key != "valid_from"}


def _adjusted(world: World, body: Body) -> Body:
    return {**body, "quantity": world.choice.choice([-2, -1, 1, 2, 3])}


def _sent_to(world: World, body: Body) -> Body:
    """A public URL that nobody calls, and filters that match something, but nothing that happens here."""
    kept = {key: value for key, value in body.items() if key not in ("kind", "headers", "secret", "state")}
    return {**kept, "url": "https://hooks.example/in", "types": ["webhook_endpoint.*"]}


def _settings_of_orders(world: World, body: Body) -> Body:
    return {**body, "time_zone": world.choice.choice(["UTC", "Asia/Dhaka", "America/St_Johns"])}


BODIES: dict[str, Callable[[World, Body], Any]] = {
    "orders_order_place": _placed,
    "orders_batch_place": lambda world, body: {"orders": [_placed(world, order) for order in body.get("orders", [])[:3]]},
    "orders_order_move": _moved,
    "orders_batch_move": lambda world, body: {"items": [_named(world, item) for item in body.get("items", [])[:3]]},
    "orders_batch_record": lambda world, body: {"items": [_paid(world, item) | _named(world, {}) for item in body.get("items", [])[:3]]},
    "orders_batch_cancel": lambda world, body: {"items": [_named(world, item) for item in body.get("items", [])[:3]]},
    "orders_batch_add": lambda world, body: {"items": [_packed(world, item) for item in body.get("items", [])[:3]]},
    "orders_parcel_add": lambda world, body: {"carrier": "Pathao", "number": uuid.uuid4().hex, "lines": [{"line": 1, "quantity": 1}]},
    "orders_parcel_edit": lambda world, body: {"number": uuid.uuid4().hex},
    "orders_delivery_failure_report": lambda world, body: {key: value for key, value in body.items() if key != "occurred_at"},
    "orders_payment_reverse": lambda world, body: {key: value for key, value in body.items() if key not in ("occurred_at", "amount")},
    "orders_closing_create": lambda world, body: {**body, "kind": "written_off", "amount": min(body.get("amount", 1), 500)},
    "orders_payment_record": _paid,
    "orders_order_edit": _edited,
    "orders_settings_save": _settings_of_orders,
    "orders_stock_adjust": _adjusted,
    "refunds_refund_request": _requested,
    "refunds_refund_preview": _requested,
    "refunds_refund_approve": _approved,
    "refunds_settlement_report": _settled,
    "refunds_goods_inspect": _inspected,
    "refunds_policy_save": _policy,
    "refunds_attachment_upload": lambda world, body: {"file": Binary(PNG), "customer_id": uuid.uuid4().hex},
    "notes_note_add": lambda world, body: {**body, "order_id": world.any_order()},
    "notes_read_mark_set": lambda world, body: {},
    "documents_settings_save": lambda world, body: {key: value for key, value in body.items() if key not in ("issue", "start")},
    "documents_orders_print": lambda world, body: {**body, "order_ids": [world.any_order() for _ in body.get("order_ids", [])[:3]]},
    "webhooks_endpoint_create": _sent_to,
    "webhooks_endpoint_edit": _sent_to,
    "webhooks_secret_create": lambda world, body: {key: value for key, value in body.items() if key != "secret"},
    "webhooks_delivery_replay": lambda world, body: {key: value for key, value in body.items() if key != "types"},
}

QUERIES: dict[str, Callable[[World], dict[str, Any]]] = {
    "notes_note_list": _order(World.any_order),
    "webhooks_delivery_list": _endpoint,
    "refunds_figures_read": lambda world: {"at.gte": "2026-01-01T00:00:00Z", "at.lt": "2026-01-31T00:00:00Z"},
    "orders_figures_read": lambda world: {"at.gte": "2026-01-01T00:00:00Z", "at.lt": "2026-01-31T00:00:00Z"},
    "webhooks_event_list": lambda world: {"wait": 0},
}

VERSIONS = {
    "orders_settings_save": "/orders/v1/orders-settings",
    "notes_settings_save": "/notes/v1/notes-settings",
    "refunds_policy_save": "/refunds/v1/refund-policy",
    "documents_settings_save": "/documents/v1/documents-settings",
    "documents_logo_save": "/documents/v1/documents-settings",
    "documents_logo_remove": "/documents/v1/documents-settings",
}
