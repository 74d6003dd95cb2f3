"""Request bodies."""

from typing import Annotated, Literal

from pydantic import Field

from services.webhooks.state import DeliveryState, EndpointKind
from shared.contracts.ids import DeliveryId
from shared.web.inputs import Input, Moment, Text, example

MAX_TYPES = 50
MAX_REPLAYED = 1_000

EventTypes = Annotated[
    list[Annotated[str, Text(100, min_characters=1)]],
    Field(
        min_length=1,
        max_length=MAX_TYPES,
        description="Event types to send, such as `order.placed.v1`. `*` stands for any characters: `refund.*`, or `*` for every event.",
    ),
]
Headers = Annotated[dict[str, str], Field(description="Headers added to each call, such as an API key of the receiver.")]
Url = Annotated[str, Field(min_length=1, max_length=2_000, description="An https URL with a public address.")]
Description = Annotated[str, Text(500)]
PerSecond = Annotated[int, Field(ge=1, le=1_000, description="Most calls a second to this endpoint, from each worker process.")]
AtOnce = Annotated[int, Field(ge=1, le=50, description="Most calls in progress to this endpoint, from each worker process.")]
Personal = Annotated[bool, Field(description="Whether events include their `personal` part: names, addresses, contact, free text.")]
InOrder = Annotated[
    bool,
    Field(
        description="Whether an order's events are sent strictly one after the other: one that fails holds back that order's later ones."
    ),
]


class EndpointInput(Input):
    """A new endpoint: a `webhook`, which is called at its URL, or `amqp`, a queue that belongs to the store.

    A queue takes no `url`, `headers` or `secret`, and never `personal`.
    """

    model_config = example({"url": "https://platform.example/hooks/aftersale", "types": ["order.*", "refund.approved.v1"]})

    kind: EndpointKind = Field("webhook", description="`webhook`, or `amqp` for a queue of RabbitMQ that only the store can read.")
    url: Url | None = None
    types: EventTypes = Field(["*"])
    description: Description = ""
    headers: Headers = Field({})
    personal: Personal = False
    in_order: InOrder = False
    calls_per_second: PerSecond = 100
    calls_at_once: AtOnce = 10
    secret: str | None = Field(None, max_length=100, description="`whsec_` and base64 of 24 to 64 bytes; if omitted, one is made.")


class EndpointEditInput(Input):
    """What changes about an endpoint; what is omitted stays."""

    model_config = example({"state": "paused"})

    url: Url | None = None
    types: EventTypes | None = None
    description: Description | None = None
    headers: Headers | None = None
    personal: Personal | None = None
    in_order: InOrder | None = None
    calls_per_second: PerSecond | None = None
    calls_at_once: AtOnce | None = None
    state: Literal["active", "paused"] | None = Field(
        None, description="`paused` keeps events until it is `active` again; `active` also ends a disabling."
    )


class SecretInput(Input):
    """A new secret. The old one signs beside it for a while, so that the receiver can change over. For a queue: a new password."""

    model_config = example({})

    scheme: Literal["v1", "v1a"] = Field("v1", description="`v1`: a shared secret (HMAC-SHA256). `v1a`: a key pair (ed25519).")
    secret: str | None = Field(None, max_length=100, description="For `v1`: your own secret; if omitted, one is made.")


class ReplayInput(Input):
    """Which events are sent to an endpoint again, or for the first time. Each has the same id as before."""

    model_config = example({"state": "parked"})

    delivery_ids: list[DeliveryId] | None = Field(None, min_length=1, max_length=MAX_REPLAYED, description="These deliveries.")
    state: DeliveryState | None = Field(None, description="Only deliveries in this state: `parked` are those that failed for good.")
    types: EventTypes | None = None
    since: Moment | None = Field(None, description="Only events that arrived from this time on.")
    until: Moment | None = Field(None, description="Only events that arrived before this time.")
    backfill: bool = Field(False, description="Also events that the endpoint was never sent, because it is newer or did not want them.")
