"""The feed, endpoints with their secrets and queues, deliveries with their attempts, and the kernel's tables."""

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID

from shared.data.kernel_versions import alike, create_index, create_table, v1, v2, v3, v4, v5

revision = "0001"
down_revision = None

SCHEMA = "webhooks"
table = partial(create_table, SCHEMA)
index = partial(create_index, SCHEMA)
TIME = TIMESTAMP(timezone=True)
TIMES = {
    "feed": ("occurred_at", "recorded_at", "received_at"),
    "erased": ("erased_at",),
    "endpoints": ("created_at", "changed_at", "failing_since", "noticed_at", "resting_until"),
    "secrets": ("created_at", "ends_at"),
    "queues": ("created_at", "changed_at", "tried_at", "applied_at"),
    "operators": ("seen_at",),
    "deliveries": ("due_at", "created_at", "ended_at"),
    "attempts": ("began_at",),
    "replays": ("created_at", "stepped_at", "ended_at"),
}


def upgrade() -> None:
    bind = op.get_bind()
    v1.apply(bind, SCHEMA)
    v2.apply(bind, SCHEMA)
    v3.apply(bind, SCHEMA)
    v4.apply(bind, SCHEMA)
    v5.apply(bind, SCHEMA)
    _create_feed()
    _create_endpoints()
    _create_queues()
    _create_deliveries()
    for name, columns in TIMES.items():
        v5.bound(op.get_bind(), f"{SCHEMA}.{name}", columns, f"ck_{name}_times")


def downgrade() -> None:
    for name in ("replays", "attempts", "deliveries", "operators", "queues", "secrets", "endpoints", "erased", "feed", "counters"):
        op.drop_table(name, schema=SCHEMA)
    for version in (v5, v4, v3, v2, v1):
        version.undo(op.get_bind(), SCHEMA)


def _create_feed() -> None:
    table(
        "counters",
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", name="pk_counters"),
        sa.CheckConstraint("last >= 1", name="ck_counters_last"),
        comment="The last position of each store's feed. Its lock makes positions visible in their order: nothing appears behind a reader.",
    )
    table(
        "feed",
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        *alike(sa.Text, "type", "source", "subject"),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        *alike(TIME, "occurred_at", "recorded_at", "received_at"),
        sa.Column("body", sa.Text, nullable=False),
        *alike(sa.Text, "sent", "personal", nullable=True),
        sa.PrimaryKeyConstraint("store_id", "position", name="pk_feed"),
        sa.UniqueConstraint("store_id", "event_id", name="uq_feed_store_id_event_id"),
        comment="Every public event of the store, in the order of its arrival here; kept for `events_days`.",
    )
    index("feed", "store_id", "subject", "position")
    index("feed", "received_at")
    table(
        "erased",
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("erased_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "subject", name="pk_erased"),
        comment="Orders of erased customers: an event that arrives later loses what is personal.",
    )


def _create_endpoints() -> None:
    table(
        "endpoints",
        sa.Column("endpoint_id", UUID(as_uuid=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("description", sa.Text, nullable=False),
        *alike(ARRAY(sa.Text), "types", "patterns"),
        sa.Column("headers", JSONB, nullable=False),
        *alike(sa.Boolean, "personal", "in_order"),
        *alike(sa.Integer, "calls_per_second", "calls_at_once"),
        *alike(sa.Text, "state", "reason"),
        *alike(TIME, "created_at", "changed_at"),
        sa.Column("created_by", JSONB, nullable=False),
        sa.Column("failing_since", TIME),
        sa.Column("failures", sa.Integer, nullable=False),
        *alike(TIME, "noticed_at", "resting_until", nullable=True),
        sa.Column("event_sequence", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "endpoint_id", name="pk_endpoints"),
        sa.CheckConstraint("state in ('active', 'paused', 'disabled', 'deleted')", name="ck_endpoints_state"),
        sa.CheckConstraint("(failing_since is null) = (failures = 0)", name="ck_endpoints_failing"),
        sa.CheckConstraint("kind in ('webhook', 'amqp') and (kind = 'amqp') = (url is null)", name="ck_endpoints_kind"),
        sa.CheckConstraint("not (kind = 'amqp' and personal)", name="ck_endpoints_personal"),
        comment="Where a store wants its events sent. A deleted endpoint stays, since deliveries name it.",
    )
    table(
        "secrets",
        *alike(UUID(as_uuid=True), "secret_id", "endpoint_id"),
        *alike(sa.Text, "scheme", "secret"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ends_at", TIME),
        sa.PrimaryKeyConstraint("store_id", "secret_id", name="pk_secrets"),
        _of("secrets", "endpoint_id", "endpoints"),
        sa.CheckConstraint("scheme in ('v1', 'v1a')", name="ck_secrets_scheme"),
        comment="What deliveries are signed with. A replaced secret signs beside the new one until `ends_at`.",
    )
    index("secrets", "store_id", "endpoint_id")


def _create_queues() -> None:
    table(
        "queues",
        *alike(UUID(as_uuid=True), "endpoint_id", "secret_id"),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("wanted", sa.Boolean, nullable=False),
        *alike(sa.Integer, "generation", "applied"),
        sa.Column("error", sa.Text, nullable=False),
        *alike(TIME, "created_at", "changed_at"),
        *alike(TIME, "tried_at", "applied_at", nullable=True),
        sa.PrimaryKeyConstraint("store_id", "endpoint_id", name="pk_queues"),
        _of("queues", "endpoint_id", "endpoints"),
        sa.CheckConstraint("applied between 0 and generation", name="ck_queues_applied"),
        comment="The operator's order book: a queue and its user for each endpoint of kind amqp. The row goes when the queue has gone.",
    )
    due = sa.text("applied < generation")
    op.create_index("ix_queues_due", "queues", ["store_id", "endpoint_id"], schema=SCHEMA, postgresql_where=due)
    table(
        "operators",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "name", name="pk_operators"),
        comment="When an operator of queues was last seen as the broker's administrator. It is no store's: `store_id` is empty.",
    )


def _create_deliveries() -> None:
    table(
        "deliveries",
        *alike(UUID(as_uuid=True), "delivery_id", "endpoint_id"),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        *alike(sa.Text, "type", "subject", "state"),
        sa.Column("personal", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text),
        *alike(sa.Integer, "attempts", "tries"),
        sa.Column("due_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.PrimaryKeyConstraint("store_id", "delivery_id", name="pk_deliveries"),
        sa.UniqueConstraint("store_id", "endpoint_id", "event_id", name="uq_deliveries_store_id_endpoint_id_event_id"),
        _of("deliveries", "endpoint_id", "endpoints"),
        sa.CheckConstraint("state in ('waiting', 'delivered', 'parked')", name="ck_deliveries_state"),
        sa.CheckConstraint("(state = 'waiting') = (due_at is not null)", name="ck_deliveries_due"),
        sa.CheckConstraint("(state = 'waiting') = (ended_at is null)", name="ck_deliveries_ended"),
        comment="One row for each event and endpoint that wants it, written when the event arrives.",
    )
    waiting = sa.text("state = 'waiting'")
    for name, columns in (("due", ("due_at", "position")), ("in_order", ("subject", "position"))):
        op.create_index(
            f"ix_deliveries_{name}", "deliveries", ["store_id", "endpoint_id", *columns], schema=SCHEMA, postgresql_where=waiting
        )
    op.create_index("ix_deliveries_listed", "deliveries", ["store_id", "endpoint_id", "position", "delivery_id"], schema=SCHEMA)
    op.create_index("ix_deliveries_of_event", "deliveries", ["store_id", "event_id"], schema=SCHEMA)
    op.create_index("ix_deliveries_tests", "deliveries", ["created_at"], schema=SCHEMA, postgresql_where=sa.text("position = 0"))
    table(
        "attempts",
        sa.Column("delivery_id", UUID(as_uuid=True), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        *alike(sa.Text, "url", "address", nullable=True),
        sa.Column("status", sa.SmallInteger),
        *alike(sa.Text, "outcome", "detail", "answer"),
        sa.Column("request", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "delivery_id", "number", name="pk_attempts"),
        _of("attempts", "delivery_id", "deliveries", ondelete="CASCADE"),
        comment="Every call to an endpoint, and what it answered.",
    )
    table(
        "replays",
        *alike(UUID(as_uuid=True), "replay_id", "endpoint_id"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("wanted", JSONB, nullable=False),
        sa.Column("in_feed", sa.Boolean, nullable=False),
        *alike(sa.BigInteger, "position", "until_position"),
        sa.Column("delivery_id", UUID(as_uuid=True), nullable=False),
        sa.Column("deliveries", sa.Integer, nullable=False),
        *alike(TIME, "created_at", "stepped_at"),
        sa.Column("ended_at", TIME),
        sa.PrimaryKeyConstraint("store_id", "replay_id", name="pk_replays"),
        _of("replays", "endpoint_id", "endpoints"),
        sa.CheckConstraint("kind in ('replay', 'return', 'removal')", name="ck_replays_kind"),
        comment="Changes of many deliveries of one endpoint, which the worker carries out in steps.",
    )
    op.create_index(
        "ix_replays_running", "replays", ["stepped_at", "replay_id"], schema=SCHEMA, postgresql_where=sa.text("ended_at is null")
    )


def _of(table: str, column: str, other: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["store_id", column],
        [f"{SCHEMA}.{other}.store_id", f"{SCHEMA}.{other}.{column}"],
        name=f"fk_{table}_store_id_{other}",
        ondelete=ondelete,
    )
