"""Version 4: guests' links that were revoked before they expire."""

from shared.data.kernel_versions.statements import step

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
BACK = ("drop table {schema}.revoked_guests",)  # revoked links are valid again until they expire
apply, undo = step(STATEMENTS), step(BACK)
