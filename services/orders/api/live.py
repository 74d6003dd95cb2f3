"""Live streams (server-sent events): one order for whoever may see it, the whole store for its staff."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import StreamingResponse

from services.orders.commands.change import enforce
from services.orders.live.streams import order_stream, store_stream
from services.orders.queries.orders import order_for
from services.orders.rules.status import may_read_settings
from shared.contracts.errors import Forbidden, NotFound
from shared.contracts.ids import OrderId
from shared.data.guests import while_valid
from shared.web.app import Call, Router, problems

router = Router()

LastSeen = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="The id of the last event that was seen")]
STREAM: dict[int | str, dict[str, Any]] = {200: {"description": "A stream", "content": {"text/event-stream": {}}}}
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def _streamed(frames: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(frames, media_type="text/event-stream", headers=HEADERS)


@router.get(
    "/orders/{order_id}/stream", operation_id="orders_stream", response_class=StreamingResponse, responses=STREAM | problems(NotFound)
)
async def follow(order_id: OrderId, call: Call, last_seen: LastSeen = None) -> StreamingResponse:
    """Follow one order live: how it stands, then each change. The id of an event is the order's version."""
    async with call.reading() as tx:
        await order_for(tx, call.actor, order_id)
    told = order_stream(call.running, call.actor, order_id, last_seen, call.until)
    return _streamed(while_valid(call.db, call.actor, told))


@router.get("/stream", operation_id="orders_stream_store", response_class=StreamingResponse, responses=STREAM | problems(Forbidden))
async def follow_all(call: Call, last_seen: LastSeen = None) -> StreamingResponse:
    """Follow every order of the store live, for its staff. The first frame has an id to resume from."""
    enforce(may_read_settings(call.actor))
    return _streamed(store_stream(call.running, call.actor, last_seen, call.until))
