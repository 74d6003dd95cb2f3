"""Alembic's entry for this service."""

from services.documents.models import metadata
from shared.data.migrate import run_migrations

run_migrations(metadata)
