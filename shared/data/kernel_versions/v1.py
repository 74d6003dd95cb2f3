"""Version 1: events (outbox and history), inbox, parked messages, stored responses. Released: it never changes again."""

from shared.data.kernel_versions.statements import step

STATEMENTS = (
    """CREATE TABLE {schema}.events (
    store_id TEXT NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id UUID NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    public BOOLEAN NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    data JSONB NOT NULL,
    traceparent TEXT,
    published_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_events PRIMARY KEY (store_id, position),
    CONSTRAINT uq_events_store_id_subject_sequence UNIQUE (store_id, subject, sequence)
)""",
    "CREATE INDEX ix_events_unsent ON {schema}.events (position) WHERE published_at IS NULL",
    """CREATE TABLE {schema}.inbox (
    store_id TEXT NOT NULL,
    event_id UUID NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_inbox PRIMARY KEY (store_id, event_id)
)""",
    """CREATE TABLE {schema}.parked (
    store_id TEXT NOT NULL,
    parked_id UUID NOT NULL,
    event_id UUID,
    type TEXT NOT NULL,
    body BYTEA NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    first_failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_parked PRIMARY KEY (store_id, parked_id),
    CONSTRAINT uq_parked_store_id_event_id UNIQUE (store_id, event_id),
    CONSTRAINT ck_parked_state CHECK (state in ('waiting', 'parked')),
    CONSTRAINT ck_parked_next_attempt CHECK ((state = 'waiting') = (next_attempt_at is not null))
)""",
    "CREATE INDEX ix_parked_due ON {schema}.parked (next_attempt_at) WHERE state = 'waiting'",
    """CREATE TABLE {schema}.idempotency (
    store_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    etag TEXT,
    body TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (store_id, caller, key)
)""",
    "CREATE INDEX ix_idempotency_recorded_at ON {schema}.idempotency (recorded_at)",
)
BACK = [f"drop table {{schema}}.{table}" for table in ("events", "inbox", "parked", "idempotency")]
apply, undo = step(STATEMENTS), step(BACK)
