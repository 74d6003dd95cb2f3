"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from kit.client.answer import Answer
from kit.client.answers.shared import ByView


class DeliveryView(Answer):
    """One event on its way to one endpoint. `due_at` is when its next attempt is due; `parked` means that all have failed."""

    delivery_id: str
    endpoint_id: str
    event_id: UUID
    type: str
    subject: str
    state: Literal["waiting", "delivered", "parked"] | str
    attempts: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class EndpointSecretView(Answer):
    """A secret of an endpoint, shown once. `public_key` is what a receiver checks `v1a` signatures with.

    For a queue it is the password of its user, of the scheme `password`.
    """

    endpoint_id: str
    secret_id: UUID
    scheme: Literal["v1", "v1a", "password"] | str
    secret: str | None
    public_key: str | None
    created_at: datetime


class QueueView(Answer):
    """Where a store reads its queue: `ready` once its user may enter with the latest password."""

    vhost: str
    queue: str
    username: str
    state: Literal["preparing", "ready"] | str


class ReplayView(Answer):
    """How many deliveries a replay has made due so far. A small one has ended in the answer to its call, a long one goes on."""

    replay_id: str
    endpoint_id: str
    state: Literal["running", "done"] | str
    deliveries: int
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(Answer):
    """A page of `DeliveryView`."""

    items: list[DeliveryView]
    next_cursor: str | None
    previous_cursor: str | None = None


class EndpointView(Answer):
    """An endpoint, and how it is doing: `failures` counts calls since the last success, `failing_since` says when they began.

    A webhook has a `url`, an endpoint of kind `amqp` a `queue`. Of its own headers only the names are shown: their values are a
    receiver's secrets.
    """

    endpoint_id: str
    version: int
    kind: Literal["webhook", "amqp"] | str
    url: str | None
    queue: QueueView | None
    types: list[str]
    description: str
    headers: list[str]
    personal: bool
    in_order: bool
    calls_per_second: int
    calls_at_once: int
    state: Literal["active", "paused", "disabled"] | str
    reason: str
    created_at: datetime
    changed_at: datetime
    created_by: ByView
    failing_since: datetime | None
    failures: int
    resting_until: datetime | None


class NewEndpointView(Answer):
    """A new endpoint with its secret, which is shown once: what deliveries are signed with, or the password of a queue's user."""

    endpoint_id: str
    version: int
    kind: Literal["webhook", "amqp"] | str
    url: str | None
    queue: QueueView | None
    types: list[str]
    description: str
    headers: list[str]
    personal: bool
    in_order: bool
    calls_per_second: int
    calls_at_once: int
    state: Literal["active", "paused", "disabled"] | str
    reason: str
    created_at: datetime
    changed_at: datetime
    created_by: ByView
    failing_since: datetime | None
    failures: int
    resting_until: datetime | None
    secret_id: UUID
    secret: str | None


class EndpointPage(Answer):
    """A page of `EndpointView`."""

    items: list[EndpointView]
    next_cursor: str | None
    previous_cursor: str | None = None
