"""Settings of the process that makes queues."""

from pydantic import Field, SecretStr

from services.webhooks.settings import WebhookSettings


class OperatorSettings(WebhookSettings):
    """The service's settings, and those that only the operator of queues has: above all an administrator's URL."""

    amqp_admin_api: SecretStr = Field(description="RabbitMQ's management API as an administrator: http://user:password@host:15672.")
    queue_max_bytes: int = Field(
        100_000_000,
        ge=1_000,
        description="Most bytes in a queue that is made from now on; what does not fit is refused and waits.",
    )
    queue_connections: int = Field(5, ge=1, le=1_000, description="Most connections of a queue's user.")
    queue_channels: int = Field(20, ge=1, le=10_000, description="Most channels of a queue's user, in all of its connections.")
