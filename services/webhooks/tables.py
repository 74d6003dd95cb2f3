"""Tables of the schema `webhooks`: columns and constraints, no behaviour."""

from functools import partial

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from shared.data.columns import PublicIdColumn
from shared.data.schema import TIME, bound_times, columns, service_metadata, store_table

SCHEMA = "webhooks"
metadata = service_metadata(SCHEMA)
table = partial(store_table, metadata)

counters = table(
    "counters",
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id"),
    sa.CheckConstraint("last >= 1", name="last"),
    comment="The last position of each store's feed. Its lock makes positions visible in their order: nothing appears behind a reader.",
)

feed = table(
    "feed",
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("event_id", UUID(as_uuid=True), nullable=False),
    *columns(sa.Text, "type", "source", "subject"),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    *columns(TIME, "occurred_at", "recorded_at", "received_at"),
    sa.Column("body", sa.Text, nullable=False),  # the whole CloudEvent without its personal part
    sa.Column("sent", sa.Text),  # what is sent, if the whole is too large
    sa.Column("personal", sa.Text),  # its personal part as JSON; null if it has none, or once the customer is erased
    sa.PrimaryKeyConstraint("store_id", "position"),
    sa.UniqueConstraint("store_id", "event_id"),
    comment="Every public event of the store, in the order of its arrival here; kept for `events_days`.",
)
sa.Index(None, feed.c.store_id, feed.c.subject, feed.c.position)
sa.Index(None, feed.c.received_at)

erased = table(
    "erased",
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("erased_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "subject"),
    comment="Orders of erased customers: an event that arrives later loses what is personal.",
)

endpoints = table(
    "endpoints",
    sa.Column("endpoint_id", PublicIdColumn("endpoint"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("url", sa.Text),  # null for a queue
    sa.Column("description", sa.Text, nullable=False),
    *columns(ARRAY(sa.Text), "types", "patterns"),  # what the caller chose, and the same as LIKE patterns
    sa.Column("headers", JSONB, nullable=False),
    *columns(sa.Boolean, "personal", "in_order"),
    *columns(sa.Integer, "calls_per_second", "calls_at_once"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # why it is disabled
    *columns(TIME, "created_at", "changed_at"),
    sa.Column("created_by", JSONB, nullable=False),
    sa.Column("failing_since", TIME),
    sa.Column("failures", sa.Integer, nullable=False),  # since the last success
    *columns(TIME, "noticed_at", "resting_until", nullable=True),  # an endpoint that asked for less rests
    sa.Column("event_sequence", sa.Integer, nullable=False),  # of its own events
    sa.PrimaryKeyConstraint("store_id", "endpoint_id"),
    sa.CheckConstraint("state in ('active', 'paused', 'disabled', 'deleted')", name="state"),
    sa.CheckConstraint("(failing_since is null) = (failures = 0)", name="failing"),
    sa.CheckConstraint("kind in ('webhook', 'amqp') and (kind = 'amqp') = (url is null)", name="kind"),
    sa.CheckConstraint("not (kind = 'amqp' and personal)", name="personal"),
    comment="Where a store wants its events sent. A deleted endpoint stays, since deliveries name it.",
)

secrets = table(
    "secrets",
    sa.Column("secret_id", UUID(as_uuid=True), nullable=False),
    sa.Column("endpoint_id", PublicIdColumn("endpoint"), nullable=False),
    *columns(sa.Text, "scheme", "secret"),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("ends_at", TIME),
    sa.PrimaryKeyConstraint("store_id", "secret_id"),
    sa.ForeignKeyConstraint(
        ["store_id", "endpoint_id"], [endpoints.c.store_id, endpoints.c.endpoint_id], name="fk_secrets_store_id_endpoints"
    ),
    sa.CheckConstraint("scheme in ('v1', 'v1a')", name="scheme"),
    comment="What deliveries are signed with. A replaced secret signs beside the new one until `ends_at`.",
)
sa.Index(None, secrets.c.store_id, secrets.c.endpoint_id)

queues = table(
    "queues",
    sa.Column("endpoint_id", PublicIdColumn("endpoint"), nullable=False),
    sa.Column("secret_id", UUID(as_uuid=True), nullable=False),  # of the current password
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("wanted", sa.Boolean, nullable=False),  # whether the queue and its user are to exist
    *columns(sa.Integer, "generation", "applied"),  # of what is ordered, and of what the operator has carried out
    sa.Column("error", sa.Text, nullable=False),  # why the last try failed
    *columns(TIME, "created_at", "changed_at"),
    *columns(TIME, "tried_at", "applied_at", nullable=True),
    sa.PrimaryKeyConstraint("store_id", "endpoint_id"),
    sa.ForeignKeyConstraint(
        ["store_id", "endpoint_id"], [endpoints.c.store_id, endpoints.c.endpoint_id], name="fk_queues_store_id_endpoints"
    ),
    sa.CheckConstraint("applied between 0 and generation", name="applied"),
    comment="The operator's order book: a queue and its user for each endpoint of kind amqp. The row goes when the queue has gone.",
)
sa.Index("ix_queues_due", queues.c.store_id, queues.c.endpoint_id, postgresql_where=queues.c.applied < queues.c.generation)

operators = table(
    "operators",
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("seen_at", TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "name"),
    comment="When an operator of queues was last seen as the broker's administrator. It is no store's: `store_id` is empty.",
)

deliveries = table(
    "deliveries",
    sa.Column("delivery_id", PublicIdColumn("delivery"), nullable=False),
    sa.Column("endpoint_id", PublicIdColumn("endpoint"), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),  # of the event in the feed; 0 for a test
    sa.Column("event_id", UUID(as_uuid=True), nullable=False),
    *columns(sa.Text, "type", "subject", "state"),
    sa.Column("personal", sa.Boolean, nullable=False),  # whether its endpoint asked for personal data when the event arrived
    sa.Column("body", sa.Text),  # of a test, which is in no feed
    *columns(sa.Integer, "attempts", "tries"),  # all attempts, and those of the current schedule
    sa.Column("due_at", TIME),  # of the next attempt; a running attempt moves it on by the lease
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("ended_at", TIME),
    sa.PrimaryKeyConstraint("store_id", "delivery_id"),
    sa.UniqueConstraint("store_id", "endpoint_id", "event_id"),
    sa.ForeignKeyConstraint(
        ["store_id", "endpoint_id"], [endpoints.c.store_id, endpoints.c.endpoint_id], name="fk_deliveries_store_id_endpoints"
    ),
    sa.CheckConstraint("state in ('waiting', 'delivered', 'parked')", name="state"),
    sa.CheckConstraint("(state = 'waiting') = (due_at is not null)", name="due"),
    sa.CheckConstraint("(state = 'waiting') = (ended_at is null)", name="ended"),
    comment="One row for each event and endpoint that wants it, written when the event arrives.",
)
_waiting = deliveries.c.state == sa.literal_column("'waiting'")
sa.Index("ix_deliveries_due", deliveries.c.store_id, deliveries.c.endpoint_id, deliveries.c.due_at, deliveries.c.position,
         postgresql_where=_waiting)  # fmt: skip
sa.Index("ix_deliveries_in_order", deliveries.c.store_id, deliveries.c.endpoint_id, deliveries.c.subject, deliveries.c.position,
         postgresql_where=_waiting)  # fmt: skip
sa.Index("ix_deliveries_listed", deliveries.c.store_id, deliveries.c.endpoint_id, deliveries.c.position, deliveries.c.delivery_id)
sa.Index("ix_deliveries_of_event", deliveries.c.store_id, deliveries.c.event_id)
sa.Index("ix_deliveries_tests", deliveries.c.created_at, postgresql_where=deliveries.c.position == sa.literal_column("0"))

attempts = table(
    "attempts",
    sa.Column("delivery_id", PublicIdColumn("delivery"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("began_at", TIME, nullable=False),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("url", sa.Text),  # null for a queue
    sa.Column("address", sa.Text),  # the one that was dialled
    sa.Column("status", sa.SmallInteger),
    *columns(sa.Text, "outcome", "detail", "answer"),
    sa.Column("request", JSONB, nullable=False),  # the headers that were sent, without secrets; the body is the event
    sa.PrimaryKeyConstraint("store_id", "delivery_id", "number"),
    sa.ForeignKeyConstraint(
        ["store_id", "delivery_id"],
        [deliveries.c.store_id, deliveries.c.delivery_id],
        name="fk_attempts_store_id_deliveries",
        ondelete="CASCADE",
    ),
    comment="Every call to an endpoint, and what it answered.",
)

replays = table(
    "replays",
    sa.Column("replay_id", PublicIdColumn("replay"), nullable=False),
    sa.Column("endpoint_id", PublicIdColumn("endpoint"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("wanted", JSONB, nullable=False),  # which deliveries it is about
    sa.Column("in_feed", sa.Boolean, nullable=False),
    *columns(sa.BigInteger, "position", "until_position"),
    sa.Column("delivery_id", UUID(as_uuid=True), nullable=False),
    sa.Column("deliveries", sa.Integer, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("ended_at", TIME),
    sa.PrimaryKeyConstraint("store_id", "replay_id"),
    sa.ForeignKeyConstraint(
        ["store_id", "endpoint_id"], [endpoints.c.store_id, endpoints.c.endpoint_id], name="fk_replays_store_id_endpoints"
    ),
    sa.CheckConstraint("kind in ('replay', 'return', 'removal')", name="kind"),
    comment="Changes of many deliveries of one endpoint, which the worker carries out in steps.",
)
sa.Index("ix_replays_running", replays.c.store_id, replays.c.created_at, replays.c.replay_id,
         postgresql_where=replays.c.ended_at.is_(None))  # fmt: skip

bound_times(metadata)
