"""Alembic's entry: the kernel knows how, the tables say what."""

from services.notes.tables import metadata
from shared.data.migrate import run_migrations

run_migrations(metadata)
