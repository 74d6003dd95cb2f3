"""The data types of the commands and rules."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

EndpointState = Literal["active", "paused", "disabled"]
DeliveryState = Literal["waiting", "delivered", "parked"]
EndpointKind = Literal["webhook", "amqp"]
QueueState = Literal["preparing", "ready"]
Scheme = Literal["v1", "v1a", "password"]
ReplayKind = Literal["replay", "return", "removal"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a store wants its events sent, and how it has been doing since its last success."""

    store_id: str
    endpoint_id: str
    version: int
    kind: EndpointKind
    url: str | None
    description: str
    types: list[str]
    headers: dict[str, str]
    personal: bool
    in_order: bool
    calls_per_second: int
    calls_at_once: int
    state: EndpointState
    reason: str
    created_at: datetime
    changed_at: datetime
    created_by: dict[str, Any]
    failing_since: datetime | None
    failures: int
    noticed_at: datetime | None
    resting_until: datetime | None
    event_sequence: int


@dataclass(frozen=True, slots=True)
class Secret:
    """What an endpoint's deliveries are signed with; `secret` is `whsec_…` (v1), `whsk_…` (v1a), or the password of a queue's user."""

    secret_id: UUID
    endpoint_id: str
    scheme: Scheme
    secret: str
    created_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Queue:
    """What is ordered for an endpoint of kind amqp. `generation` counts the orders; `applied` is the last one carried out, 0 at first."""

    store_id: str
    endpoint_id: str
    secret_id: UUID
    password_hash: str
    wanted: bool
    generation: int
    applied: int

    @property
    def state(self) -> QueueState:
        """Whether the queue can be read with the latest password."""
        return "ready" if self.applied == self.generation else "preparing"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event as the feed stores it; `body` is the CloudEvent as it is sent."""

    store_id: str
    position: int
    event_id: UUID
    type: str
    source: str
    subject: str
    sequence: int
    occurred_at: datetime
    recorded_at: datetime
    received_at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What follows a position: the events that were asked for, and how far the search went."""

    items: list[FeedEvent]
    after: int
    more: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint. `attempts` counts all calls; `tries` those of the current schedule."""

    store_id: str
    delivery_id: str
    endpoint_id: str
    position: int
    event_id: UUID
    type: str
    subject: str
    state: DeliveryState
    attempts: int
    tries: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to an endpoint, and what it answered."""

    store_id: str
    delivery_id: str
    number: int
    began_at: datetime
    duration_ms: int
    url: str | None
    address: str | None
    status: int | None
    outcome: str
    detail: str
    answer: str
    request: dict[str, str]


@dataclass(frozen=True, slots=True)
class Replay:
    """A change of many deliveries of one endpoint, carried out in steps: those after `position` and `delivery_id` are not yet done.

    With `in_feed` it has come to the events of the feed that the endpoint was never sent. `deliveries` counts what was changed.
    """

    store_id: str
    replay_id: str
    endpoint_id: str
    kind: ReplayKind
    wanted: dict[str, Any]
    in_feed: bool
    position: int
    delivery_id: UUID
    until_position: int
    deliveries: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Leased:
    """A due delivery with all that its attempt needs; nobody else attempts it until the lease ends."""

    store_id: str
    delivery_id: str
    endpoint_id: str
    event_id: UUID
    type: str
    subject: str
    attempts: int
    tries: int
    kind: EndpointKind
    url: str | None
    headers: dict[str, str]
    calls_per_second: int
    body: str
    secrets: list[dict[str, Any]] = field(default_factory=list)
