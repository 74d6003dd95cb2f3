"""Alembic's entry: the kernel knows how, the models say what."""

from shared.migrate import run_migrations

from services.notes.models import metadata

run_migrations(metadata)
