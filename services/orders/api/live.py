"""Live streams (server-sent events): one order for anyone who may see it, the whole store for its staff."""

from fastapi.responses import StreamingResponse

from services.orders.live.streams import order_stream, store_stream
from services.orders.queries.orders import order_for
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, NotFound
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


@router.get("/orders/stream", operation_id="orders_store_follow", response_class=StreamingResponse, responses=STREAM | problems(Forbidden))
async def follow_all(call: Call, last_seen: LastSeen = None) -> StreamingResponse:
    """Follow every order of the store live, for its staff. The first frame has an id to resume from."""
    shop_only(call.actor, to_read=True).or_raise()
    return store_stream(call, last_seen)
