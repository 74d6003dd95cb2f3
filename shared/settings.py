"""Every setting of a service: typed, documented, with its unit in its name, printable with `aftersale settings`.

`AFTERSALE_<SERVICE>_<NAME>` wins over `AFTERSALE_<NAME>`, so that one environment can hold several services.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "AFTERSALE_"


class Settings(BaseSettings):
    """Settings that every service has."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)  # an input may be a password

    service: str = Field(description="Which service this is: orders, refunds, notes or documents.")

    database_url: SecretStr = Field(
        description="PostgreSQL of this service, as its own role: postgresql://user:password@host:port/database."
    )
    database_pool_size: int = Field(10, ge=1, le=200, description="Connections kept open per process.")
    database_pool_overflow: int = Field(10, ge=0, le=200, description="Connections opened beyond the pool under load, per process.")
    database_pool_timeout_seconds: float = Field(5.0, gt=0, description="Longest wait for a connection; then the caller gets 503.")
    database_connect_timeout_seconds: float = Field(5.0, gt=0, description="Longest wait for PostgreSQL to accept a connection.")
    database_command_timeout_seconds: float = Field(30.0, gt=0, description="Longest time that one statement may take.")
    database_statement_cache: int = Field(
        200, ge=0, description="Prepared statements kept per connection; 0 behind a pooler without prepared statement support."
    )
    database_system_connections: int = Field(
        4, ge=0, le=100, description="Connections per process that only the service's own work may take: relay, inbox, sweepers, health."
    )
    share_headroom: int = Field(2, ge=0, le=100, description="Connections per process that one store alone leaves free for the next store.")
    share_part_percent: int = Field(
        40,
        ge=1,
        le=100,
        description="Part of the slots that a store may hold beside others, and a caller beside others of its store.",
    )
    share_queue: int = Field(500, ge=1, le=10_000, description="Calls of one store that may wait for a slot of one kind, per process.")
    walks_at_once: int = Field(
        4, ge=1, le=200, description="Pages of lists that are read at once per process; beside others a store has a fifth of them."
    )
    export_slots: int = Field(
        12, ge=1, le=1000, description="Exports and archives that run at once per process; a store has its part of them, alone too."
    )
    export_wait_seconds: float = Field(2.0, ge=0, description="Longest wait for one of them to end; then the caller gets 429.")
    image_processes: int = Field(
        2,
        ge=1,
        le=64,
        description="Image decoding processes, started when first needed; a store alone leaves one free.",
    )
    image_deadline_seconds: float = Field(15.0, gt=0, description="Longest time that decoding one image may take.")
    image_memory_mb: int = Field(512, ge=128, description="Address space of one image decoding process, in MiB.")
    image_recycle_mb: int = Field(
        160, ge=32, description="Resident memory, in MiB, above which such a process is replaced after its image."
    )
    image_max_side_pixels: int = Field(20_000, ge=100, description="Longest side of an image.")
    image_max_jpeg_pixels: int = Field(
        220_000_000, ge=10_000, description="Largest JPEG, in pixels: it is reduced while it is decoded. Other formats have smaller limits."
    )

    amqp_url: SecretStr = Field(description="RabbitMQ as this service's own user: amqp://user:password@host:port/vhost.")
    amqp_namespace: str = Field(
        "aftersale", pattern=r"^[a-z0-9_.-]{1,64}$", description="First word of the exchange's and every queue's name."
    )
    consumer_prefetch: int = Field(20, ge=1, le=1000, description="Messages that one worker handles at once.")

    consumer_standstill_seconds: float = Field(
        20.0, gt=0, description="How long nothing may be settled while messages wait, before a consumer counts as standing still."
    )
    broker_watch_seconds: float = Field(5.0, gt=0, description="How often a consumer's queue is looked at.")

    http_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    http_port: int = Field(8000, ge=0, le=65535, description="Port that the API listens on; 0 takes a free one.")
    secret_replay_seconds: int = Field(
        600, ge=0, description="How long a repeat shows a secret again (it is made anew, never kept); later it is null."
    )
    max_small_body_bytes: int = Field(
        64_000, ge=1_000, description="Largest request body of a route that does not say that it needs more, as placing and uploads do."
    )
    max_head_bytes: int = Field(32_000, ge=4_000, description="Largest head of a request: its address and headers together.")
    max_headers: int = Field(100, ge=20, description="Most headers of a request.")
    max_address_bytes: int = Field(16_000, ge=1_000, description="Longest address of a request, with its parameters.")
    max_connections: int = Field(
        0, ge=0, description="Connections to one process, of all its services; 0 takes half of the descriptors that it may open."
    )
    head_seconds: float = Field(10.0, gt=0, description="Longest time for a request's head, and for the first one after connecting.")
    idle_seconds: float = Field(30.0, gt=0, description="How long a connection is kept open for its next request.")
    body_pause_seconds: float = Field(10.0, gt=0, description="Longest pause in a request's body; then the caller gets 408.")
    body_bytes_per_second: int = Field(
        1_000, ge=1, description="Slowest that a body may come, and an answer be read, beyond the pause that each may make."
    )
    answer_pause_seconds: float = Field(
        20.0, gt=0, description="Longest time that an answer is held for a client that does not read; then its connection is cut."
    )
    linger_seconds: float = Field(
        2.0, gt=0, description="How long the rest of a refused body is thrown away, so that its sender sees the answer."
    )
    token_calls_per_second: int = Field(
        1_000, ge=0, description="Calls a second of one token, per process; what it did not use in 5 s is its burst. 0 counts none."
    )
    store_calls_per_second: int = Field(
        2_000, ge=0, description="Calls a second of one store, per process; what it did not use in 5 s is its burst. 0 counts none."
    )
    token_calls_at_once: int = Field(256, ge=0, description="Calls of one token that may be under way, per process. 0 counts none.")
    store_calls_at_once: int = Field(512, ge=0, description="Calls of one store that may be under way, per process. 0 counts none.")
    token_large_bodies_at_once: int = Field(
        16,
        ge=0,
        description="Bodies of JSON above max_small_body_bytes of one token that may be under way, per process. 0 counts none.",
    )
    store_large_bodies_at_once: int = Field(
        32,
        ge=0,
        description="Bodies of JSON above max_small_body_bytes of one store that may be under way, per process. 0 counts none.",
    )
    token_streams: int = Field(100, ge=0, description="Live streams that one token may hold open, per process. 0 counts none.")
    streams_per_process: int = Field(1_000, ge=0, description="Live streams of one service's process, of all tokens. 0 counts none.")
    idempotency_days: int = Field(30, ge=1, description="How long an Idempotency-Key and its answer are kept.")

    keys_file: Path = Field(description="JSON file of the signing keys whose tokens are trusted, each bound to its stores and roles.")
    token_leeway_seconds: int = Field(10, ge=0, le=300, description="Clock difference to an issuer that is forgiven.")
    platform_token_days: int = Field(366, ge=1, le=3660, description="Longest life of a platform's token, from iat to exp.")
    staff_token_days: int = Field(31, ge=1, le=3660, description="Longest life of a staff member's token.")
    customer_token_days: int = Field(31, ge=1, le=3660, description="Longest life of a customer's token.")
    guest_link_days: int = Field(90, ge=1, le=3660, description="Longest life of a guest link's token.")

    relay_poll_seconds: float = Field(1.0, gt=0, description="How often the outbox is looked at when nothing woke the relay.")
    relay_batch: int = Field(500, ge=1, le=5000, description="Events that one process publishes in one go, all in flight together.")
    relay_store_batch: int = Field(
        100, ge=1, le=5000, description="Events of one store among them at most: other stores' events overtake what waits beyond these."
    )
    files_dir: Path = Field(Path(".aftersale/files"), description="Where files are kept when no object store is named.")
    files_url: str = Field("", description="Object store for files, such as s3://bucket/prefix; empty keeps them in files_dir.")

    instance: str = Field("", max_length=100, description="Name of this process in its readiness; empty takes a random one.")
    clock_tolerance_seconds: float = Field(
        5.0, gt=0, description="Difference between this process's and the database's clock that readiness warns about."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log line that is written.")
    log_format: Literal["json", "text"] = Field("json", description="JSON for machines, text for people.")
    otlp_endpoint: str = Field("", description="OpenTelemetry collector (OTLP over HTTP) that traces go to; empty sends none.")

    consumer_delay_ms: int = Field(
        0, ge=0, le=10_000, description="Waiting added to every message, to measure how workers scale. 0 in production."
    )

    @classmethod
    def load(cls, service: str, **overrides: object) -> "Settings":
        """Read the environment for `service`. Raises pydantic.ValidationError that names what is missing."""
        return cls(service=service, **overrides)  # type: ignore[arg-type]  # the rest comes from the environment

    @property
    def token_lifetimes(self) -> dict[str, int]:
        """The longest life of each role's token, in seconds."""
        days = {
            "platform": self.platform_token_days,
            "staff": self.staff_token_days,
            "customer": self.customer_token_days,
            "guest": self.guest_link_days,
        }
        return {role: count * 86_400 for role, count in days.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The service's own variables before those of all services."""
        service = str(init_settings()["service"]).upper()
        return (
            init_settings,
            EnvSettingsSource(settings_cls, env_prefix=f"{PREFIX}{service}_"),
            EnvSettingsSource(settings_cls, env_prefix=PREFIX),
        )
