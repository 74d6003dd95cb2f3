"""Settings that only this service has."""

from pydantic import Field

from shared.process.settings import Settings


class WebhookSettings(Settings):
    """The kernel's settings, and those of the feed and of deliveries."""

    events_days: int = Field(
        90, ge=1, le=400, description="How long the feed keeps an event, and a delivery its event, in days; also for a disabled endpoint."
    )
    max_endpoints: int = Field(1_000, ge=1, le=10_000, description="Endpoints that one store may have.")
    max_queues: int = Field(5, ge=0, le=100, description="Endpoints of kind amqp, with a queue of their own, that one store may have.")
    secret_overlap_hours: int = Field(24, ge=0, le=720, description="How long a replaced secret still signs beside the new one, in hours.")
    deliveries_at_once: int = Field(
        200, ge=1, le=2_000, description="Calls to endpoints in progress per worker process; one store has at most two fifths of them."
    )
    delivery_timeout_seconds: float = Field(20.0, gt=0, le=60, description="Longest time of one call to an endpoint, from dialling on.")
    delivery_connect_seconds: float = Field(5.0, gt=0, le=30, description="Longest time until an endpoint accepts a connection.")
    delivery_ports: list[int] = Field([443, 8443], description="Ports that an endpoint's URL may name, as a JSON list.")
    loopback_endpoints: bool = Field(
        False, description="Whether endpoints may be on this machine, and without TLS: only for development, never in production."
    )
