"""Version 4: which guests' links were taken back before their time."""

import sqlalchemy as sa

STATEMENTS = (
    """CREATE TABLE {schema}.revoked_guests (
    store_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    link_id TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_revoked_guests PRIMARY KEY (store_id, order_id, link_id)
)""",
    "CREATE INDEX ix_revoked_guests_expires_at ON {schema}.revoked_guests (expires_at)",
)


def apply(bind: sa.Connection, schema: str) -> None:
    """Add the table."""
    for statement in STATEMENTS:
        bind.exec_driver_sql(statement.format(schema=schema))


def undo(bind: sa.Connection, schema: str) -> None:
    """Drop it: links that were taken back are valid again until they expire."""
    bind.exec_driver_sql(f"drop table {schema}.revoked_guests")
