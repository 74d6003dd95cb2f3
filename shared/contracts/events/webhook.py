"""Events of the webhook service: `webhook_endpoint.*`."""

from typing import ClassVar

from shared.contracts.events.envelope import Event
from shared.contracts.ids import EndpointId
from shared.contracts.times import Instant


class WebhookEndpointEvent(Event, readers=("webhooks",)):
    """Something happened to an endpoint. Its URL is in no event: it may contain a receiver's secret."""

    subjects: ClassVar[str] = "webhook_endpoint:endpoint_[0-9a-z]+"
    endpoint_id: EndpointId
    failing_since: Instant | None
    failures: int

    @property
    def subject(self) -> str:
        """The endpoint."""
        return f"webhook_endpoint:{self.endpoint_id}"


class WebhookEndpointFailing(WebhookEndpointEvent, type="webhook_endpoint.failing.v1"):
    """Every delivery to an endpoint has failed for a day: a notice to its owner."""


class WebhookEndpointDisabled(WebhookEndpointEvent, type="webhook_endpoint.disabled.v1"):
    """An endpoint is called no more, because it failed for too long or answered 410; its events wait for its return."""

    reason: str
