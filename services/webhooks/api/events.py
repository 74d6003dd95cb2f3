"""The feed: every public event of the store, in the order of its arrival, as pages, as a long poll, and as a stream."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from services.webhooks import queries
from services.webhooks.live import feed_stream, next_events
from services.webhooks.rules.filters import check_types
from services.webhooks.views import DeliveryDetailView, EventDetailView, FeedEventView, FeedView
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, NotFound
from shared.contracts.events import EVENTS, read_by
from shared.web.call import MANY_VALUES, Call, Router, problems
from shared.web.streams import STREAM, LastSeen

router = Router()

MAX_EVENTS = 500
MAX_WAIT_SECONDS = 25

After = Annotated[
    int, Query(ge=0, lt=2**63, description="The position after which to begin: `after` of the last page; 0 for the first event.")
]
Types = Annotated[
    list[str] | None,
    Query(max_length=50, description="Only these event types; `*` stands for any characters.", json_schema_extra=MANY_VALUES),
]
Subject = Annotated[str | None, Query(max_length=600, description="Only events about this: an order's id, `sku:…`, `customer:…`.")]


@router.get("/events", operation_id="webhooks_event_list", response_model=FeedView, responses=problems(Forbidden))
async def page(
    *,
    call: Call,
    after: After = 0,
    types: Types = None,
    subject: Subject = None,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 100,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS, description="Longest wait for the first event, in seconds.")] = 0,
) -> Response:
    """Events after a position, whole, in the order of their arrival here. Nothing ever appears behind a position that was read."""
    shop_only(call.actor, to_read=True).or_raise()
    check_types(types or (), read_by("webhooks"), at="?types")
    found = await next_events(call, after, types=types, subject=subject, limit=limit, wait_seconds=wait)
    return Response(FeedView.written(found), media_type="application/json")


@router.get(
    "/events/stream", operation_id="webhooks_event_follow", response_class=StreamingResponse, responses=STREAM | problems(Forbidden)
)
async def follow(call: Call, types: Types = None, subject: Subject = None, last_seen: LastSeen = None) -> StreamingResponse:
    """The same live: the id of each event is its position, and its data is the CloudEvent."""
    shop_only(call.actor, to_read=True).or_raise()
    check_types(types or (), read_by("webhooks"), at="?types")
    return feed_stream(call, last_seen, types=types, subject=subject)


@router.get(
    "/events/{event_id}", operation_id="webhooks_event_read", response_model=EventDetailView, responses=problems(Forbidden, NotFound)
)
async def read(event_id: UUID, call: Call) -> Response:
    """One event, which services read it, and where it was sent: each delivery with its latest attempts."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        event = await queries.event_for(tx, call.actor, event_id)
        deliveries = await queries.deliveries_of_event(tx, call.actor, event_id)
        attempts = await queries.attempts_of(tx, call.actor, [one.delivery_id for one in deliveries])
    shown = [DeliveryDetailView.of(one, attempts[one.delivery_id]) for one in deliveries]
    readers = sorted(EVENTS[event.type].readers) if event.type in EVENTS else []
    return call.show(EventDetailView.showing(FeedEventView.of(event), read_by=readers, deliveries=shown))
