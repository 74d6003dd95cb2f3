"""Checks every service's kernel tables: history, inbox, stored responses, failed messages."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

import json

from shared.contracts.events import EVENTS, owner_of
from shared.data.audit import Check, clocks, same

ERASED_ANSWER = '{"erased":true}'
"""What an erasure leaves of a stored response."""

BORN = "to_timestamp(('x' || left(replace(e.event_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)"
"""SQL: the timestamp in a UUIDv7."""


def checks(service: str) -> list[Check]:
    """The checks of one service."""
    return [*_history(service), *_labels(service)]


def _history(service: str) -> list[Check]:
    """Checks of a service's events: their sequences, publication and times."""
    events = f"{service}.events"
    return [
        Check(
            "event_gap",
            "the events of one subject are numbered 1, 2, 3 … without a gap",
            f"select store_id, subject as id, format('%s events, counted %s to %s', count(*), min(sequence), max(sequence)) as detail"
            f" from {events} group by store_id, subject having count(*) <> max(sequence) or min(sequence) <> 1",
        ),
        Check(
            "event_twice",
            "an event's id is unique",
            f"select store_id, event_id::text as id, count(*) || ' events have this id' as detail"
            f" from {events} group by store_id, event_id having count(*) > 1",
        ),
        same(
            "event_times",
            "an event's columns agree with its data",
            store="e.store_id",
            about_id="e.event_id",
            source=f"{events} e",
            pairs={"occurred_at": ("e.occurred_at", "(e.data->>'occurred_at')::timestamptz")},
        ),
        clocks(
            "events published before they were recorded",
            "an event was published after it was recorded",
            f"select store_id, event_id::text as id, format('recorded %s, published %s', recorded_at, published_at) as detail"
            f" from {events} where published_at < recorded_at - interval '1 minute'",
        ),
        clocks(
            "events from the future",
            "nothing is recorded before it happened, nor in the future",
            f"select store_id, event_id::text as id, format('occurred %s, recorded %s', occurred_at, recorded_at) as detail from {events}"
            " where recorded_at > now() + interval '1 minute' or occurred_at > recorded_at + interval '1 minute'",
        ),
    ]


def _labels(service: str) -> list[Check]:
    """Checks of event labels, parked messages and stored responses."""
    events, parked, kept = f"{service}.events", f"{service}.parked", f"{service}.idempotency"
    own = [name for name in EVENTS if owner_of(name) == service]
    internal = [name for name in own if EVENTS[name].internal]
    subjects = {name: f"^({EVENTS[name].subjects})$" for name in own}
    return [
        Check(
            "event_label",
            "an event has a type of its service, that type's subject and audience, and an id made at its own time",
            f"""select e.store_id, e.event_id::text as id, format('%s of %s, public: %s', e.type, e.subject, e.public) as detail
                from {events} e
                where e.type not in ({_literals(own)})
                or e.public is distinct from (e.type not in ({_literals(internal)}) and coalesce(e.data->>'audience', '') <> 'private')
                or e.subject !~ ('{json.dumps(subjects)}'::jsonb->>e.type)
                or (e.type <> 'stock.moved.v1' and (substr(e.event_id::text, 15, 1) <> '7'
                    or {BORN} not between e.recorded_at - interval '1 hour' and e.recorded_at + interval '1 hour'))""",
        ),
        Check(
            "message_parked",
            "no message is parked",
            "select store_id, coalesce(event_id, parked_id)::text as id, format('%s: %s after %s attempts', type, reason, attempts)"
            f" as detail from {parked} where state = 'parked' or attempts < 1",
        ),
        clocks(
            "messages that failed last before they failed first",
            "a message's last failure is not before its first",
            "select store_id, parked_id::text as id, format('first %s, last %s', first_failed_at, last_failed_at) as detail"
            f" from {parked} where last_failed_at < first_failed_at",
        ),
        Check(
            "answer_malformed",
            "a stored response records a success, has its request's hash, and unless it was blanked an ETag of its body's version",
            f"select store_id, caller || ' ' || key as id, format('status %s, ETag %s', status, etag) as detail from {kept}"
            " where status not in (200, 201, 204) or length(request_hash) <> 32"
            f" or (etag is not null and body is distinct from '{ERASED_ANSWER}' and"
            """ not coalesce(etag ~ ('^"v' || substring(left(body, 600) from '"version":([0-9]+)') || '([.][^"]*)?"$'), false))""",
        ),
    ]


def _literals(types: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in types) or "''"
