"""The four tables that every service's schema has, as they are today, and the naming of constraints.

Migrations never read this: what makes these tables is frozen by version in shared/kernel_versions, whose docstring says how to change them.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
TIME = TIMESTAMP(timezone=True)


@dataclass(frozen=True, slots=True)
class KernelTables:
    """Outbox and history, inbox, messages that failed, and answers kept for repeats."""

    events: sa.Table
    inbox: sa.Table
    parked: sa.Table
    idempotency: sa.Table


def service_metadata(schema: str) -> sa.MetaData:
    """Metadata of a service: its schema, our naming, the kernel's tables already in it."""
    metadata = sa.MetaData(schema=schema, naming_convention=NAMING)
    _events(metadata)
    _inbox(metadata)
    _parked(metadata)
    _idempotency(metadata)
    return metadata


def kernel_tables(metadata: sa.MetaData) -> KernelTables:
    """The kernel's tables within a service's metadata."""
    return KernelTables(**{name: metadata.tables[f"{metadata.schema}.{name}"] for name in ("events", "inbox", "parked", "idempotency")})


def _events(metadata: sa.MetaData) -> None:
    """One append-only table is outbox, history, source of streams and of replays."""
    events = sa.Table(
        "events",
        metadata,
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("published_at", TIME),
        sa.PrimaryKeyConstraint("store_id", "position"),
        # One event per counter value: this is what makes "exactly one order.* event per version" a fact of the database.
        sa.UniqueConstraint("store_id", "subject", "sequence"),
    )
    # The relay's way to what is unsent. It alone does not lead with store_id: a relay serves every store of its database.
    sa.Index("ix_events_unsent", events.c.position, postgresql_where=events.c.published_at.is_(None))


def _inbox(metadata: sa.MetaData) -> None:
    """Which events have taken effect here: kept for ever, written in the effect's own transaction."""
    sa.Table(
        "inbox",
        metadata,
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "event_id"),
    )


def _parked(metadata: sa.MetaData) -> None:
    """Messages that failed: `waiting` for their next attempt, or `parked` with the reason until somebody replays them."""
    parked = sa.Table(
        "parked",
        metadata,
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("parked_id", UUID(as_uuid=True), nullable=False),
        sa.Column("event_id", UUID(as_uuid=True)),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", TIME),
        sa.Column("first_failed_at", TIME, nullable=False),
        sa.Column("last_failed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "parked_id"),
        sa.UniqueConstraint("store_id", "event_id"),
        sa.CheckConstraint("state in ('waiting', 'parked')", name="state"),
        sa.CheckConstraint("(state = 'waiting') = (next_attempt_at is not null)", name="next_attempt"),
    )
    sa.Index("ix_parked_due", parked.c.next_attempt_at, postgresql_where=parked.c.state == "waiting")


def _idempotency(metadata: sa.MetaData) -> None:
    """Answers of successful unsafe calls, by caller and key, written in the call's own transaction."""
    table = sa.Table(
        "idempotency",
        metadata,
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        # Whom and what the answer is about, for erasures: see kernel_versions/v2.py.
        sa.Column(
            "subjects",
            ARRAY(sa.Text),
            sa.Computed(f"{metadata.schema}.answer_subjects(store_id, caller, body)", persisted=True),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("store_id", "caller", "key"),
    )
    sa.Index(None, table.c.recorded_at)
    # It need not lead with store_id: an id of ours is the same nowhere else, and a customer's subject begins with the store.
    sa.Index(None, table.c.subjects, postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256})
