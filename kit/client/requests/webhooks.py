"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NotRequired, TypedDict


class EndpointEditInput(TypedDict):
    """What changes about an endpoint; what is omitted stays."""

    url: NotRequired[str | None]
    types: NotRequired[Sequence[str] | None]
    description: NotRequired[str | None]
    headers: NotRequired[Mapping[str, str] | None]
    personal: NotRequired[bool | None]
    in_order: NotRequired[bool | None]
    calls_per_second: NotRequired[int | None]
    calls_at_once: NotRequired[int | None]
    state: NotRequired[Literal["active", "paused"] | None]
    """`paused` keeps events until it is `active` again; `active` also ends a disabling."""


class EndpointInput(TypedDict):
    """A new endpoint: a `webhook`, which is called at its URL, or `amqp`, a queue that belongs to the store.

    A queue takes no `url`, `headers` or `secret`, and never `personal`.
    """

    kind: NotRequired[Literal["webhook", "amqp"]]
    """`webhook`, or `amqp` for a queue of RabbitMQ that only the store can read."""
    url: NotRequired[str | None]
    types: NotRequired[Sequence[str]]
    """Event types to send, such as `order.placed.v1`. `*` stands for any characters: `refund.*`, or `*` for every event."""
    description: NotRequired[str]
    headers: NotRequired[Mapping[str, str]]
    """Headers added to each call, such as an API key of the receiver."""
    personal: NotRequired[bool]
    """Whether events include their `personal` part: names, addresses, contact, free text."""
    in_order: NotRequired[bool]
    """Whether an order's events are sent strictly one after the other: one that fails holds back that order's later ones."""
    calls_per_second: NotRequired[int]
    """Most calls a second to this endpoint, from each worker process."""
    calls_at_once: NotRequired[int]
    """Most calls in progress to this endpoint, from each worker process."""
    secret: NotRequired[str | None]
    """`whsec_` and base64 of 24 to 64 bytes; if omitted, one is made."""


class ReplayInput(TypedDict):
    """Which events are sent to an endpoint again, or for the first time. Each has the same id as before."""

    delivery_ids: NotRequired[Sequence[str] | None]
    """These deliveries."""
    state: NotRequired[Literal["waiting", "delivered", "parked"] | None]
    """Only deliveries in this state: `parked` are those that failed for good."""
    types: NotRequired[Sequence[str] | None]
    since: NotRequired[datetime | None]
    """Only events that arrived from this time on."""
    until: NotRequired[datetime | None]
    """Only events that arrived before this time."""
    backfill: NotRequired[bool]
    """Also events that the endpoint was never sent, because it is newer or did not want them."""


class SecretInput(TypedDict):
    """A new secret. The old one signs beside it for a while, so that the receiver can change over. For a queue: a new password."""

    scheme: NotRequired[Literal["v1", "v1a"]]
    """`v1`: a shared secret (HMAC-SHA256). `v1a`: a key pair (ed25519)."""
    secret: NotRequired[str | None]
    """For `v1`: your own secret; if omitted, one is made."""
