"""An order's live stream: rows of the events table after the reader's position.

The position is the order's version, which increases under its row lock, so no event can appear behind a reader. The store as a whole is
followed by the feed of the webhook service.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.orders.rules.closing import ONLY_FOR_THE_SHOP
from services.orders.tables import metadata, orders
from shared.contracts.actor import Actor
from shared.contracts.events import EVENTS, By, OrderStatus, PaymentState, RefundState, Tracking
from shared.contracts.ids import OrderId
from shared.contracts.times import EARLIEST, LATEST
from shared.data.columns import own_rows
from shared.data.db import Transaction
from shared.data.set_aside import each_readable
from shared.web.call import Calling
from shared.web.streams import Found, Key, Streams, frame, resumed
from shared.web.views import ByView

EVENTS_PER_LOOK = 500
OURS = sa.select(sa.true())

events = metadata.tables["orders.events"]

_in_range = (events.c.occurred_at >= EARLIEST) & (events.c.occurred_at < LATEST)
# Every one of these columns can be read: a time beyond the driver's range is null. One row must not fail its page.
SHOWN = (
    events.c.store_id,
    events.c.position,
    events.c.sequence,
    events.c.event_id,
    sa.func.left(events.c.type, 200).label("type"),
    sa.case((_in_range, events.c.occurred_at)).label("occurred_at"),
    sa.cast(events.c.data, sa.Text).label("data"),
)


@dataclass(frozen=True, slots=True)
class Happened:
    """A row of the events table: `data` is its JSON text, `occurred_at` is None if the driver could not read it."""

    store_id: str
    position: int
    sequence: int
    event_id: UUID
    type: str
    occurred_at: datetime | None
    data: str


class LiveEvent(BaseModel):
    """One change of one order, small enough for thousands of listeners; read the order for its full state."""

    event_id: UUID
    type: str
    order_id: OrderId
    number: str
    version: int
    status: OrderStatus
    payment: PaymentState
    refund_state: RefundState
    tracking: Tracking | None
    message: str
    by: ByView
    occurred_at: datetime

    @classmethod
    def of(cls, event: Happened, actor: Actor) -> "LiveEvent":
        """The event as `actor` may see it. Malformed data raises any exception."""
        if event.type not in EVENTS or event.occurred_at is None:
            raise ValueError("the type is unknown to this version, or the time is unreadable")
        data = json.loads(event.data)
        order, by = data["order"], By(**data["by"])
        same = ("order_id", "number", "version", "status", "payment", "refund_state")
        return cls(
            event_id=event.event_id,
            type=event.type,
            **{name: order[name] for name in same},
            tracking=None if order.get("tracking") is None else Tracking(**order["tracking"]),
            message=data.get("personal", {}).get("message", ""),
            by=ByView.of(by, actor),
            occurred_at=event.occurred_at,
        )


class Versions:
    """The hub's feed: the version of every order that has followers."""

    def __init__(self) -> None:
        self._known: dict[Key, int] = {}

    async def moved(self, tx: Transaction, keys: Collection[Key]) -> tuple[Collection[Key], bool]:
        """See shared.web.streams.Feed."""
        key = sa.tuple_(orders.c.store_id, orders.c.order_id)
        rows = await tx.all(sa.select(orders.c.store_id, orders.c.order_id, orders.c.version).where(key.in_(list(keys))))
        versions: dict[Key, int] = dict.fromkeys(keys, 0) | {(row.store_id, row.order_id): row.version for row in rows}
        moved = [one for one, version in versions.items() if self._known.get(one) != version]
        self._known = versions
        return moved, False


STREAMS = Streams("orders", Versions)


def order_stream(call: Calling, order_id: str, last: int | None) -> StreamingResponse:
    """One order's events after version `last` (from the latest one if it is None), and then new ones as they happen.

    Every look asks again whether the reader may see the order: it may have been handed to another customer.
    """
    its = (events.c.store_id == call.actor.store) & (events.c.subject == order_id)

    async def start(tx: Transaction) -> int:
        newest = await tx.scalar(sa.select(sa.func.max(events.c.sequence)).where(its)) or 0
        return resumed(last, newest, fresh=max(0, newest - 1))

    async def look(tx: Transaction, after: int) -> Found:
        await tx.found(OURS.where(own_rows(call.actor, orders), orders.c.order_id == order_id), "No such order.")
        shown = sa.select(*SHOWN).where(its, events.c.sequence > after, events.c.public).order_by(events.c.sequence)
        if not call.actor.is_shop:
            shown = shown.where(events.c.type.not_in(ONLY_FOR_THE_SHOP))
        happened = [Happened(**row._mapping) for row in await tx.all(shown.limit(EVENTS_PER_LOOK))]
        return _found(happened, call.actor, after)

    return STREAMS.follow(call, order_id, start, look)


def _found(happened: list[Happened], actor: Actor, after: int) -> Found:
    """A page of events as frames; unreadable ones are skipped."""
    good, bad = each_readable(
        happened,
        lambda event: frame(event.sequence, event.type, LiveEvent.of(event, actor)),
        lambda event: (event.store_id, str(event.position)),
    )
    last = max((event.sequence for event in happened), default=after)
    return Found([shown for _, shown in good], bad, last, len(happened) == EVENTS_PER_LOOK)
