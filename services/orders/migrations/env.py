"""Alembic's entry for the orders schema."""

from services.orders.tables import metadata
from shared.data.migrate import run_migrations

run_migrations(metadata)
