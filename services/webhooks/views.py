"""Response bodies."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from services.webhooks.delivery.signing import public_key_of
from services.webhooks.queues.names import QueueNames
from services.webhooks.state import (
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointKind,
    EndpointState,
    FeedEvent,
    FeedPage,
    Queue,
    QueueState,
    Replay,
    Scheme,
    Secret,
)
from shared.contracts.actor import Actor
from shared.contracts.ids import DeliveryId, EndpointId, ReplayId
from shared.web.views import ByView, View


class QueueView(View):
    """Where a store reads its queue: `ready` once its user may enter with the latest password."""

    vhost: str
    queue: str
    username: str
    state: QueueState

    @classmethod
    def of(cls, queue: Queue, namespace: str) -> "QueueView":
        """The queue under the names that it has in this installation."""
        names = QueueNames.of(namespace, queue.endpoint_id)
        return cls(vhost=names.vhost, queue=names.queue, username=names.username, state=queue.state)


class EndpointView(View):
    """An endpoint, and how it is doing: `failures` counts calls since the last success, `failing_since` says when they began.

    A webhook has a `url`, an endpoint of kind `amqp` a `queue`. Of its own headers only the names are shown: their values are a
    receiver's secrets.
    """

    endpoint_id: EndpointId
    version: int
    kind: EndpointKind
    url: str | None
    queue: QueueView | None
    types: list[str]
    description: str
    headers: list[str]
    personal: bool
    in_order: bool
    calls_per_second: int
    calls_at_once: int
    state: EndpointState
    reason: str
    created_at: datetime
    changed_at: datetime
    created_by: ByView
    failing_since: datetime | None
    failures: int
    resting_until: datetime | None

    @classmethod
    def of(cls, endpoint: Endpoint, actor: Actor, queue: QueueView | None) -> "EndpointView":
        """The endpoint as `actor` sees it."""
        by = ByView.of_row(endpoint.created_by, actor)
        return cls.showing(endpoint, headers=sorted(endpoint.headers), created_by=by, queue=queue)


class EndpointSecretView(View):
    """A secret of an endpoint, shown once. `public_key` is what a receiver checks `v1a` signatures with.

    For a queue it is the password of its user, of the scheme `password`.
    """

    secrets: ClassVar[tuple[str, ...]] = ("secret",)
    endpoint_id: EndpointId
    secret_id: UUID
    scheme: Scheme
    secret: str | None
    public_key: str | None
    created_at: datetime

    @classmethod
    def of(cls, secret: Secret) -> "EndpointSecretView":
        """A new secret. The key that signs `v1a` never leaves this service."""
        pair = secret.scheme == "v1a"
        return cls.showing(secret, secret=None if pair else secret.secret, public_key=public_key_of(secret.secret) if pair else None)


class NewEndpointView(EndpointView):
    """A new endpoint with its secret, which is shown once: what deliveries are signed with, or the password of a queue's user."""

    secrets: ClassVar[tuple[str, ...]] = ("secret",)
    secret_id: UUID
    secret: str | None

    @classmethod
    def made(cls, endpoint: Endpoint, secret: Secret, actor: Actor, queue: QueueView | None) -> "NewEndpointView":
        """The endpoint as its creator sees it."""
        shown = EndpointView.of(endpoint, actor, queue)
        return cls(**{name: getattr(shown, name) for name in EndpointView.model_fields}, secret_id=secret.secret_id, secret=secret.secret)


class AttemptView(View):
    """One call to an endpoint. `outcome` says how it ended; `address` is the one that was dialled; `answer` begins with what it said.

    `request` are the headers that were sent; the endpoint's own values, and its secrets in the answer, are `[redacted]`. A queue has
    no `url`, `address` or `status`.
    """

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


class DeliveryView(View):
    """One event on its way to one endpoint. `due_at` is when its next attempt is due; `parked` means that all have failed."""

    delivery_id: DeliveryId
    endpoint_id: EndpointId
    event_id: UUID
    type: str
    subject: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class DeliveryDetailView(DeliveryView):
    """A delivery with its attempts, oldest first."""

    calls: list[AttemptView]

    @classmethod
    def of(cls, delivery: Delivery, attempts: Sequence[Attempt]) -> "DeliveryDetailView":
        """A delivery with its attempts."""
        return cls.showing(delivery, calls=[AttemptView.showing(one) for one in attempts])


class ReplayView(View):
    """How many deliveries a replay has made due so far. A small one has ended in the answer to its call, a long one goes on."""

    replay_id: ReplayId
    endpoint_id: EndpointId
    state: Literal["running", "done"]
    deliveries: int
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, replay: Replay) -> "ReplayView":
        """A replay as it stands."""
        return cls.showing(replay, state="running" if replay.ended_at is None else "done")


class FeedEventView(View):
    """An event in the store's feed: its position there, and the CloudEvent as it is sent to endpoints."""

    position: int
    received_at: datetime
    event: dict[str, Any]

    @classmethod
    def of(cls, event: FeedEvent) -> "FeedEventView":
        """One event."""
        return cls.showing(event, event=json.loads(event.body))


class FeedView(View):
    """Events after a position, in the order of their arrival. Ask again with `after`; `more` says whether more is there already."""

    items: list[FeedEventView]
    after: int
    more: bool

    @classmethod
    def written(cls, page: FeedPage) -> str:
        """A page as JSON. Its events go in as they are stored: to parse 500 of them and write them anew was most of the work."""
        shown = (FeedEventView.showing(one, event={}).model_dump_json() for one in page.items)
        items = ",".join(text.removesuffix("{}}") + one.body + "}" for text, one in zip(shown, page.items, strict=True))
        return cls(items=[], after=page.after, more=page.more).model_dump_json().replace("[]", f"[{items}]", 1)


class EventDetailView(FeedEventView):
    """An event, which of our services read its type, and where it was sent, each attempt included."""

    read_by: list[str]
    deliveries: list[DeliveryDetailView]
