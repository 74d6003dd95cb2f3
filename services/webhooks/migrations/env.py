"""Alembic's entry point for this service."""

from services.webhooks.tables import metadata
from shared.data.migrate import run_migrations

run_migrations(metadata)
