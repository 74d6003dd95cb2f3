"""Plays one order's life with the client's wheel: run by a Python that has nothing else, never by pytest itself.

Reads {"address", "token", "order", "picture"} as JSON, and prints what it saw.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

from aftersale_client import Client, File, NotFound, Problem, Refused, VersionConflict, connect
from aftersale_client.requests.refunds import WantedLine

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1
T = TypeVar("T")


async def main(given: dict[str, Any], picture: bytes) -> dict[str, Any]:
    """Place, pay, deliver, refund with a picture, document, list, export."""
    async with connect(given["address"], given["token"], not_yet_seconds=PATIENCE_SECONDS) as client:
        customer = client.on_behalf_of("c-1")
        placed = await client.orders.place(**given["order"])
        order_id, total = placed.order_id, placed.total.amount
        said: dict[str, Any] = {"placed": [placed.status, placed.payment, placed.total.decimal]}
        await client.orders.record_payment(order_id, amount=total, method="cod", reference="1", if_match=placed.etag)
        try:
            await client.orders.move(order_id, to="shipped", if_match=placed.etag)
        except VersionConflict as problem:
            said["conflict"] = [type(problem).__name__, problem.code, problem.facts["current_version"]]
        await client.orders.move(order_id, to="shipped", tracking={"carrier": "Pathao", "number": "PX-1029"})
        delivered = await client.orders.move(order_id, to="delivered")
        said["delivered"] = [delivered.status, delivered.payment, delivered.etag.strip('"').partition(".")[0]]
        said["refused"] = await refused(Refused, client.orders.move(order_id, to="delivered"))
        refund_id = await request_refund(customer, order_id, picture)
        approved = await client.refunds.approve(refund_id, idempotency_key="approve-1", message="The money is on its way.")
        again = await client.refunds.approve(refund_id, idempotency_key="approve-1", message="The money is on its way.")
        details = await client.refunds.read(refund_id)
        said["refund"] = [approved.status, approved.amount.decimal, details.attachments[0].name]
        said["approved_again"] = again == approved and again.replayed
        issued = await soon(lambda: client.documents.list_order_documents(order_id), lambda page: len(page.items) == 3)
        said["credited"] = sorted(one.kind for one in issued.items)
        async with client.documents.download(issued.items[0].document_id) as pdf:
            said["pdf"] = [pdf.media_type, (await pdf.read())[:5].decode()]
        said["seen"] = await soon(lambda: seen(customer, order_id), lambda types: len(types) == 2)
        said["listed"] = len([one async for one in client.orders.all(customer_id="c-1", status=["delivered"])])
        async with client.orders.export(format="csv") as export:
            said["exported"] = len((await export.read()).splitlines())
        async with aclosing(client.orders.follow(order_id)) as stream:
            said["followed"] = (await anext(stream)).data["status"]
        level = await client.stock.save("TEE/1", on_hand=7)
        read = await client.stock.read("TEE/1")
        said["counted"] = [level == read, await client.stock.read_if_changed("TEE/1", etag=read.etag)]
        said["stranger"] = await refused(NotFound, client.on_behalf_of("c-2").orders.read(order_id))
        return said


async def request_refund(customer: Client, order_id: str, picture: bytes) -> str:
    """Half of the order, with a picture; the refund service may still be waiting to hear of the order."""
    file = await customer.attachments.upload(File("receipt.png", picture, "image/png"))
    lines: list[WantedLine] = [{"line": 1, "quantity": 1}]
    asked = await customer.refunds.request(order_id=order_id, lines=lines, reason="damaged", attachments=[file.attachment_id])
    return str(asked.refund_id)


async def seen(customer: Client, order_id: str) -> list[str]:
    """Which of two entries the customer's timeline has."""
    types = [entry.type async for entry in customer.timeline.all(order_id)]
    return [one for one in ("order.delivered", "refund.approved") if one in types]


async def refused(kind: type[Problem], call: Awaitable[Any]) -> list[str]:
    """The kind and the code of the problem that a call is refused with."""
    try:
        await call
    except kind as problem:
        return [type(problem).__name__, problem.code]
    raise AssertionError("it was not refused")


async def soon(ask: Callable[[], Awaitable[T]], until: Callable[[T], bool]) -> T:
    """The first answer that is right, from a service that hears of it by an event."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not until(answer := await ask()):
            await asyncio.sleep(LOOK_SECONDS)
        return answer


if __name__ == "__main__":
    told = json.load(sys.stdin)
    sys.stdout.write(json.dumps(asyncio.run(main(told, Path(told["picture"]).read_bytes()))))
