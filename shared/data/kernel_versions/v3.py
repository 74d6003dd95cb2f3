"""Version 3: rows that cannot be published or read are set aside; a parked message can be discarded; the outbox is read store by store."""

from shared.data.kernel_versions.statements import step

STATEMENTS = (
    "alter table {schema}.events add column set_aside_at timestamp with time zone",
    "drop index {schema}.ix_events_unsent",
    """create index ix_events_unsent on {schema}.events (store_id, published_at, position)
    where published_at is null and set_aside_at is null""",
    """create table {schema}.set_aside (
    store_id text not null,
    place text not null,
    row_key text not null,
    set_aside_id uuid not null,
    reason text not null,
    detail text not null,
    first_seen_at timestamp with time zone not null,
    last_seen_at timestamp with time zone not null,
    times bigint not null,
    discarded text,
    constraint pk_set_aside primary key (store_id, place, row_key)
)""",
    "alter table {schema}.parked add column discarded text",
    "alter table {schema}.parked drop constraint ck_parked_state",
    "alter table {schema}.parked add constraint ck_parked_state check (state in ('waiting', 'parked', 'discarded'))",
    "alter table {schema}.parked add constraint ck_parked_discarded check ((state = 'discarded') = (discarded is not null))",
)
# Events that were set aside count as unsent again; discarded messages are deleted.
BACK = (
    "delete from {schema}.parked where state = 'discarded'",
    "alter table {schema}.parked drop constraint ck_parked_discarded",
    "alter table {schema}.parked drop constraint ck_parked_state",
    "alter table {schema}.parked add constraint ck_parked_state check (state in ('waiting', 'parked'))",
    "alter table {schema}.parked drop column discarded",
    "drop table {schema}.set_aside",
    "drop index {schema}.ix_events_unsent",
    "alter table {schema}.events drop column set_aside_at",
    "create index ix_events_unsent on {schema}.events (position) where published_at is null",
)
apply, undo = step(STATEMENTS), step(BACK)
