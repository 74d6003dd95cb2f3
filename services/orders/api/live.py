"""The live stream (server-sent events) of one order, for anyone who may see it."""

from fastapi.responses import StreamingResponse

from services.orders.live import order_stream
from services.orders.queries.orders import order_for
from shared.contracts.errors import NotFound
from shared.contracts.ids import OrderId
from shared.web.call import Call, Router, problems
from shared.web.streams import STREAM, LastSeen

router = Router()


@router.get(
    "/orders/{order_id}/stream", operation_id="orders_order_follow", response_class=StreamingResponse, responses=STREAM | problems(NotFound)
)
async def follow(order_id: OrderId, call: Call, last_seen: LastSeen = None) -> StreamingResponse:
    """Follow one order live: its latest change, then each new one. The id of an event is the order's version."""
    async with call.reading() as tx:
        await order_for(tx, call.actor, order_id)
    return order_stream(call, order_id, last_seen)
