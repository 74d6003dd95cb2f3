"""Settings of storage: the database, shares of its connections, files."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DataSettings(BaseSettings):
    """Settings of storage: the database, shares of its connections, files."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)  # an input may be a password

    service: str = Field(description="The name of this service.")
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
    share_headroom: int = Field(2, ge=0, le=100, description="Connections per process that a single store leaves free for the next one.")
    share_part_percent: int = Field(
        40,
        ge=1,
        le=100,
        description="Percentage of the slots that a store may hold while others are there, and a caller of its store's slots.",
    )
    share_queue: int = Field(500, ge=1, le=10_000, description="Calls of one store that may wait for a slot of one kind, per process.")
    walks_at_once: int = Field(
        4, ge=1, le=200, description="Pages of lists that are read at once per process; beside other stores a store has a fifth of them."
    )
    idempotency_days: int = Field(30, ge=1, description="How long an Idempotency-Key and its response are stored, in days.")
    files_dir: Path = Field(Path(".aftersale/files"), description="Folder for files if no object store is configured.")
    files_url: str = Field("", description="Object store for files, such as s3://bucket/prefix; empty keeps them in files_dir.")
