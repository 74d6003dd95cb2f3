"""The current tables that every service's schema has, and the naming of constraints.

Migrations never read this module: they create these tables from frozen versions in shared/data/kernel_versions, whose docstring says
how to change them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID
from sqlalchemy.schema import SchemaItem

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
TIME = TIMESTAMP(timezone=True)
UNKNOWN_STORE = ""
"""The store of a message that could not be read."""
FIRST, LAST = "timestamptz '1970-01-01 00:00:00+00'", "timestamptz '2199-12-31 23:59:59+00'"
"""What a column for a time or day may hold: more than any input accepts (shared/contracts/times.py), to leave room for computed times."""


@dataclass(frozen=True, slots=True)
class KernelTables:
    """Outbox and history, inbox, failed messages, stored responses, rows that cannot be used, guests' revoked links."""

    events: sa.Table
    inbox: sa.Table
    parked: sa.Table
    idempotency: sa.Table
    set_aside: sa.Table
    revoked_guests: sa.Table


def service_metadata(schema: str) -> sa.MetaData:
    """Metadata of a service: its schema and our naming, with the kernel's tables already in it."""
    metadata = sa.MetaData(schema=schema, naming_convention=NAMING)
    _events(metadata)
    _inbox(metadata)
    _parked(metadata)
    _idempotency(metadata)
    _set_aside(metadata)
    _revoked_guests(metadata)
    return metadata


def store_table(metadata: sa.MetaData, name: str, *parts: SchemaItem, comment: str | None = None) -> sa.Table:
    """A table whose rows belong to stores: `store_id` is its first column."""
    return sa.Table(name, metadata, sa.Column("store_id", sa.Text, nullable=False), *parts, comment=comment)


def columns(kind: Any, *names: str, nullable: bool = False, server_default: str | None = None) -> list[sa.Column[Any]]:
    """Columns that differ only in their names."""
    return [sa.Column(name, kind, nullable=nullable, server_default=server_default) for name in names]


def bound_times(metadata: sa.MetaData) -> None:
    """Add a check on all times and days to each of the service's own tables; call it after its tables are defined."""
    kernel = {one.name for one in fields(KernelTables)}
    for table in metadata.tables.values():
        times = [column.name for column in table.c if isinstance(column.type, TIMESTAMP | sa.Date)]
        if times and table.name not in kernel:
            table.append_constraint(_within(times))


def _within(columns: Sequence[str], *, unless: str = "") -> sa.CheckConstraint:
    within = " and ".join(f"{column} between {FIRST} and {LAST}" for column in columns)
    return sa.CheckConstraint(f"({within}) or {unless}" if unless else within, name="times")


def kernel_tables(metadata: sa.MetaData) -> KernelTables:
    """The kernel's tables within a service's metadata."""
    return KernelTables(**{one.name: metadata.tables[f"{metadata.schema}.{one.name}"] for one in fields(KernelTables)})


def _events(metadata: sa.MetaData) -> None:
    """One append-only table that is the outbox, the history, and the source of streams and replays."""
    events = store_table(
        metadata,
        "events",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        *columns(sa.Text, "type", "subject"),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        *columns(TIME, "occurred_at", "recorded_at"),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("published_at", TIME),
        sa.Column("set_aside_at", TIME),  # cannot be published (the table set_aside says why); the relay skips it
        sa.PrimaryKeyConstraint("store_id", "position"),
        # One event per counter value: this is how the database guarantees "exactly one order.* event per version".
        sa.UniqueConstraint("store_id", "subject", "sequence"),
        _within(("occurred_at", "recorded_at"), unless="set_aside_at is not null"),  # otherwise the row could not be set aside
    )
    # Lets the relay step through the stores that have unsent events, and find each one's oldest. published_at is null in the whole
    # index: ordering by it as well makes the planner use this index. By the primary key it would read through all sent events.
    unsent = events.c.published_at.is_(None) & events.c.set_aside_at.is_(None)
    sa.Index("ix_events_unsent", events.c.store_id, events.c.published_at, events.c.position, postgresql_where=unsent)


def _inbox(metadata: sa.MetaData) -> None:
    """Which events have taken effect here: never deleted, written in the effect's own transaction."""
    store_table(
        metadata,
        "inbox",
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "event_id"),
    )


def _parked(metadata: sa.MetaData) -> None:
    """Messages that failed: `waiting` for their next attempt, `parked` until somebody replays them, or `discarded` with a reason."""
    parked = store_table(
        metadata,
        "parked",
        sa.Column("parked_id", UUID(as_uuid=True), nullable=False),
        sa.Column("event_id", UUID(as_uuid=True)),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *columns(sa.Text, "state", "reason", "detail"),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", TIME),
        *columns(TIME, "first_failed_at", "last_failed_at"),
        sa.Column("discarded", sa.Text),
        sa.PrimaryKeyConstraint("store_id", "parked_id"),
        sa.UniqueConstraint("store_id", "event_id"),
        sa.CheckConstraint("state in ('waiting', 'parked', 'discarded')", name="state"),
        sa.CheckConstraint("(state = 'waiting') = (next_attempt_at is not null)", name="next_attempt"),
        sa.CheckConstraint("(state = 'discarded') = (discarded is not null)", name="discarded"),
    )
    sa.Index("ix_parked_due", parked.c.next_attempt_at, postgresql_where=parked.c.state == "waiting")


def _idempotency(metadata: sa.MetaData) -> None:
    """Stored responses of successful unsafe calls, by caller and key, written in the call's own transaction."""
    table = store_table(
        metadata,
        "idempotency",
        *columns(sa.Text, "caller", "key"),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        # The orders and the customer that the response is about, for erasures: see kernel_versions/v2.py.
        sa.Column(
            "subjects",
            ARRAY(sa.Text),
            sa.Computed(f"{metadata.schema}.answer_subjects(store_id, caller, body)", persisted=True),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("store_id", "caller", "key"),
    )
    sa.Index(None, table.c.recorded_at)
    # It need not lead with store_id: our ids are unique across stores, and a customer's subject begins with the store.
    sa.Index(None, table.c.subjects, postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256})


def _set_aside(metadata: sa.MetaData) -> None:
    """Rows of this schema that cannot be published or read: where they were found, and why (shared/data/set_aside.py)."""
    store_table(
        metadata,
        "set_aside",
        *columns(sa.Text, "place", "row_key"),
        sa.Column("set_aside_id", UUID(as_uuid=True), nullable=False),
        *columns(sa.Text, "reason", "detail"),
        *columns(TIME, "first_seen_at", "last_seen_at"),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("discarded", sa.Text),
        sa.PrimaryKeyConstraint("store_id", "place", "row_key"),
    )


def _revoked_guests(metadata: sa.MetaData) -> None:
    """Guests' revoked links (shared/data/guests.py); a row without `expires_at` stays permanently."""
    table = store_table(
        metadata,
        "revoked_guests",
        *columns(sa.Text, "order_id", "link_id"),
        sa.Column("expires_at", TIME),
        sa.PrimaryKeyConstraint("store_id", "order_id", "link_id"),
    )
    sa.Index(None, table.c.expires_at)
