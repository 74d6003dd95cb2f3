"""Settings of messaging: the broker, the relay, the consumers."""

from pydantic import Field, SecretStr

from shared.data.settings import DataSettings


class MessagingSettings(DataSettings):
    """Settings of messaging: the broker, the relay, the consumers."""

    amqp_url: SecretStr = Field(description="RabbitMQ as this service's own user: amqp://user:password@host:port/vhost.")
    amqp_namespace: str = Field(
        "aftersale", pattern=r"^[a-z0-9_.-]{1,64}$", description="First word of the exchange's and every queue's name."
    )
    consumer_prefetch: int = Field(20, ge=1, le=1000, description="Messages that one worker handles at once.")
    consumer_standstill_seconds: float = Field(
        20.0, gt=0, description="How long no message may be settled while some wait before a consumer counts as stuck."
    )
    broker_watch_seconds: float = Field(5.0, gt=0, description="Interval between checks of a consumer's queue.")
    relay_poll_seconds: float = Field(1.0, gt=0, description="Interval at which the outbox is polled if nothing wakes the relay.")
    relay_batch: int = Field(500, ge=1, le=5000, description="Events that one process publishes in one batch, all in flight together.")
    relay_store_batch: int = Field(
        100, ge=1, le=5000, description="Most events of one store in a batch; other stores' events overtake the rest of its events."
    )
    consumer_delay_ms: int = Field(
        0, ge=0, le=10_000, description="Delay added to every message, to measure how workers scale. 0 in production."
    )
