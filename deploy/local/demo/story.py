"""The demo's script: an order is placed, delivered, paid in cash, refunded and restocked; another is cancelled and refunded by itself."""

import asyncio
import re
import secrets
import statistics
import uuid
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from rich.console import Console

from deploy.local.demo.stage import Json, Stage, total_ms
from deploy.local.demo.wire import Wire
from deploy.operator import running
from deploy.operator.output import Output, terminal
from deploy.operator.trouble import Trouble

SKU = "MUG-1"
WIDTH = 116
CUSTOMER = {"id": "cust-ada", "name": "Ada Rahman", "email": "ada@example.com"}
ADDRESS = {"country_code": "BD", "name": "Ada Rahman", "street_address": "House 1, Road 2", "city": "Dhaka", "postal_code": "1205"}
STATUSES = {
    "confirmed": ("confirms it", ["order.confirmed.v1", "document.issued.v1"]),
    "picked_up": ("hands it to the courier", ["order.picked_up.v1"]),
    "shipped": ("sees it leave", ["order.shipped.v1"]),
    "delivered": ("hears that it arrived", ["order.delivered.v1"]),
}


def run_demo(output: Output, picture: Path | None = None) -> int:
    """Play the demo; 0 when everything happened. Raises Trouble naming what did not."""
    running.apply()
    console = terminal(record=picture is not None, width=WIDTH if picture else None, soft_wrap=False)
    asyncio.run(_play(output, console))
    if picture is not None:
        drawn = console.export_svg(title="./aftersale demo")
        picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))  # no web fonts: the viewer's own will do
    return 0


async def _play(output: Output, console: Console) -> None:
    async with Wire(_a_store()) as wire, httpx2.AsyncClient(timeout=30) as client:
        stage = Stage(running.up_state(), wire, client, output, console)
        await _open_shop(stage)
        await _delivered_and_refunded(stage)
        await _cancelled(stage)
        _finish(stage)


def _a_store() -> str:
    """The id of a new store for this run. Nobody else uses it, so the demo may change its settings and stock freely."""
    return f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


async def _open_shop(stage: Stage) -> None:
    """Set the stock level, and let refunded goods return to stock."""
    settings = await stage.call("staff", "sam", "GET", "orders/v1/orders-settings")
    if not settings["stock"]:
        wanted = {name: settings[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")} | {
            "stock": True
        }
        await stage.call("staff", "sam", "PUT", "orders/v1/orders-settings", wanted, headers={"If-Match": settings["etag"]})
    policy = await stage.call("staff", "sam", "GET", "refunds/v1/refund-policy")
    if not policy["manage_stock"]:
        switches = {name: policy[name] for name in ("attachments", "deduct_shipping")} | {"manage_stock": True}
        await stage.call("staff", "sam", "PUT", "refunds/v1/refund-policy", switches, headers={"If-Match": policy["etag"]})
    level = await stage.call("staff", "sam", "PUT", f"orders/v1/stock/{SKU}", {"on_hand": 10, "reason": "counted for the demo"})
    stage.title("Aftersale, live: every ⇢ is an event that just crossed RabbitMQ, with each service where it took effect")
    stage.found(
        f"{level['on_hand']} mugs on the shelf; refunded goods go back to stock by themselves (store {stage.wire.store})",
        {"on_hand": level["on_hand"], "store": stage.wire.store},
    )


async def _place(stage: Stage, **more: object) -> Json:
    lines = [{"sku": SKU, "name": "Mug", "quantity": 2, "unit_price": 5000}]
    body = {"currency": "BDT", "customer": CUSTOMER, "shipping_address": ADDRESS, "lines": lines, "shipping": {"amount": 1000}, **more}
    order = await stage.call("platform", "demo-shop", "POST", "orders/v1/orders", body)
    said = f"No. {order['number']}: 2 mugs, {_money(order['total'])}"
    stage.show("The shop's platform", "places an order", "POST orders/v1/orders", order, says=said)
    receipt = ["document.issued.v1"] if "payments" in more else []
    await stage.cross(order["order_id"], "order.placed.v1", "stock.moved.v1", *receipt)
    return order


async def _delivered_and_refunded(stage: Stage) -> None:
    stage.title("1  An order is delivered, paid in cash and sent back")
    order = await _place(stage)
    order_id = order["order_id"]
    for status, (does, events) in STATUSES.items():
        path = f"orders/v1/orders/{order_id}/transitions"
        answer = await stage.call("staff", "sam", "POST", path, {"to": status})
        stage.show("Staff", does, f"POST {path}", answer, says=status)
        await stage.cross(order_id, *events)

    path = f"orders/v1/orders/{order_id}/payments"
    cash = {"amount": 11000, "method": "cod", "reference": uuid.uuid4().hex[:8], "collected_by": "rider-7"}
    answer = await stage.call("staff", "sam", "POST", path, cash)
    stage.show("Staff", "records the cash that the rider collected", f"POST {path}", answer, says=f"{answer['payment']}")
    await stage.cross(order_id, "order.payment_recorded.v1", "document.issued.v1")

    request = {"order_id": order_id, "lines": [{"line": 1, "quantity": 2}], "reason": "damaged", "description": "Both have a crack"}
    refund = await stage.call("customer", "cust-ada", "POST", "refunds/v1/refunds", request)
    said = f"{refund['status']}, {_money(refund['amount'])}"
    stage.show("The customer", "asks for the money back", "POST refunds/v1/refunds", refund, says=said)
    await stage.cross(order_id, "refund.requested.v1")

    path = f"refunds/v1/refunds/{refund['refund_id']}/approve"
    approved = await stage.call("staff", "sam", "POST", path, {})
    stage.show("Staff", "approves", f"POST {path}", approved, says=approved["status"])
    await stage.cross(order_id, "refund.approved.v1", "order.refunded.v1", "stock.moved.v1", "document.issued.v1")
    await _look(stage, order_id)


async def _look(stage: Stage, order_id: str) -> None:
    """Show what every service reports afterwards. Raises Trouble where it is not as expected."""
    order = await stage.call("customer", "cust-ada", "GET", f"orders/v1/orders/{order_id}")
    _must(order["refund_state"] == "full", f"the order shows {order['refund_state']} refunds")
    stage.space()
    stage.found(f"orders: refunded in full, {_money(order['refunded_total'])}", {"refund_state": order["refund_state"]})
    level = await stage.call("staff", "sam", "GET", f"orders/v1/stock/{SKU}")
    _must(level["on_hand"] == 10, f"{level['on_hand']} mugs are on the shelf")
    stage.found("orders: both mugs are back, 10 on the shelf, each unit counted once", {"on_hand": level["on_hand"]})
    documents = (await stage.call("customer", "cust-ada", "GET", f"documents/v1/documents/orders/{order_id}"))["items"]
    numbers = [f"{one['kind'].replace('_', ' ')} {one['number']}" for one in documents]
    _must(sorted(one["kind"] for one in documents) == ["credit_note", "invoice", "receipt"], f"the documents are {numbers}")
    pdfs = [await stage.pdf("customer", "cust-ada", f"documents/v1/documents/{one['document_id']}/pdf") for one in documents]
    stage.found(f"documents: {', '.join(numbers)}; {sum(map(len, pdfs)) // 1000} kB of PDF", {"documents": numbers})
    timeline = (await stage.call("customer", "cust-ada", "GET", f"notes/v1/timeline/{order_id}"))["items"]
    told = [entry["type"] for entry in timeline]
    _must("refund.approved" in told and "order.placed" in told, f"the timeline has {told}")
    stage.found(f"notes: the customer's timeline has {len(told)} entries, from {told[-1]} to {told[0]}", {"timeline": told})


async def _cancelled(stage: Stage) -> None:
    stage.title("2  A paid order is cancelled, and nobody asks for the refund")
    paid = {"amount": 11000, "method": "card", "reference": uuid.uuid4().hex[:8]}
    order = await _place(stage, payments=[paid])
    order_id = order["order_id"]
    path = f"orders/v1/orders/{order_id}/cancel"
    answer = await stage.call("customer", "cust-ada", "POST", path, {"reason": "changed my mind"})
    stage.show("The customer", "cancels it", f"POST {path}", answer, says=answer["status"])
    await stage.cross(order_id, "order.cancelled.v1", "stock.moved.v1", "refund.approved.v1", "order.refunded.v1")
    refunds = (await stage.call("staff", "sam", "GET", f"refunds/v1/refunds?order_id={order_id}"))["items"]
    _must(len(refunds) == 1 and refunds[0]["cause"] == "cancellation", f"there are {len(refunds)} refunds")
    order = await stage.call("customer", "cust-ada", "GET", f"orders/v1/orders/{order_id}")
    _must(order["refunded_total"]["amount"] == 11000, f"{order['refunded_total']['amount']} were refunded")
    stage.space()
    stage.found(f"refunds: one refund of {_money(refunds[0]['amount'])}, made by the event alone", {"refund_id": refunds[0]["refund_id"]})


def _finish(stage: Stage) -> None:
    reached = total_ms(stage.events)
    median, worst = statistics.median(reached), reached[-1]
    summary = {
        "done": True,
        "events": len(stage.events),
        "deliveries": len(reached),
        "median_ms": round(median, 1),
        "worst_ms": round(worst, 1),
    }
    if stage.output.as_json:
        stage.output.result(summary, lambda console: None)
        return
    stage.console.print(
        f"\n[bold green]✓ All of it happened.[/bold green] {len(stage.events)} events took effect {len(reached)} times; "
        f"from a call's start to a reader: median {median:.0f} ms, slowest {worst:.0f} ms.\n"
    )


def _money(money: Json) -> str:
    return f"{money['currency']} {money['decimal']}"


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Trouble(f"The demo did not go as expected: {otherwise}.", "see `./aftersale doctor` and `./aftersale parked list`")
