"""Alembic's entry: the kernel knows how, the models say what."""

from services.refunds.tables import metadata
from shared.data.migrate import run_migrations

run_migrations(metadata)
