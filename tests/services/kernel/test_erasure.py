"""An erasure finds the answers about somebody by an index, whoever they were given to, and no others."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from shared.contracts.actor import Actor
from shared.contracts.ids import new_id
from shared.contracts.personal import without_personal
from shared.data.erasure import ERASED_ANSWER, blank_answers, forget
from shared.data.idempotency import Reservation, Stored, store
from tests.services.kernel.lab import Lab

NOW = datetime.now(UTC)
SOMEBODY, OTHER = new_id("order"), new_id("order")

# Others' answers of the same store, so many that reading all of them would be the dearer way.
OTHERS = """
insert into notes.idempotency (store_id, caller, key, request_hash, status, body, recorded_at)
select :store, 'customer:c-' || n, n::text, '', 200, '{"order_id":"order_' || lpad(n::text, 26, '0') || '"}', now()
from generate_series(100, 5100) n
"""


async def test_the_answers_are_found_by_the_index(lab: Lab) -> None:
    async with lab.database.transaction("lab.others") as tx:
        await tx.execute(sa.text(OTHERS), {"store": lab.store})
        await tx.execute(sa.text("analyze notes.idempotency"))
    statement = blank_answers(lab.database.kernel.idempotency, lab.store, [SOMEBODY, f"{lab.store} customer:c-1"])
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy says nothing of its type
    text = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    async with lab.database.reading() as tx:
        plan = "\n".join(row[0] for row in await tx.all(sa.text(f"explain {text}".replace(":", r"\:"))))
    assert "Index Scan on ix_idempotency_subjects" in plan
    assert "Seq Scan" not in plan


async def test_answers_about_somebody_are_blanked_whoever_they_were_given_to(lab: Lab) -> None:
    def actor(role: str, name: str, *, via: str | None = None, store: str = lab.store) -> Actor:
        return Actor(store, role, name, via=via)  # type: ignore[arg-type]  # one of the roles

    about = f'{{"order_id":"{SOMEBODY}"}}'
    theirs = {
        "told to staff": (actor("staff", "sam"), about),
        "asked by the customer": (actor("customer", "c-1"), "{}"),
        "asked via the platform": (actor("customer", "c-1", via="platform:shop"), "{}"),
        "asked by a guest": (actor("guest", SOMEBODY), "{}"),
    }
    others = {
        "another order": (actor("staff", "sam"), f'{{"order_id":"{OTHER}"}}'),
        "another customer": (actor("customer", "c-11"), "{}"),
        "another id with the same beginning": (actor("customer", "c-1 v"), "{}"),
        "the same id at another store": (actor("customer", "c-1", store="other"), "{}"),
        "staff of that id": (actor("staff", "c-1"), "{}"),
    }
    async with lab.database.transaction("lab.store") as tx:
        for key, (who, body) in (theirs | others).items():
            await store(tx, Reservation.of(who, key, "POST", "/", b""), Stored(200, body), now=datetime.now(UTC))
    async with lab.database.transaction("lab.forget") as tx:
        await forget(tx, lab.store, [SOMEBODY], customer_id="c-1")

    async with lab.database.reading() as tx:
        table = lab.database.kernel.idempotency
        stored = {row.key: row.body for row in await tx.all(sa.select(table.c.key, table.c.body))}
    assert {key for key, body in stored.items() if body == ERASED_ANSWER} == set(theirs)
    assert {key: stored[key] for key in others} == {key: body for key, (_, body) in others.items()}


async def test_parcels_and_part_cancellations_stay_in_stored_events_without_what_is_personal(lab: Lab) -> None:
    parcels = [
        {"parcel_id": "a", "carrier": "Pathao", "number": "PX-1", "url": "https://x"},
        {"parcel_id": "b", "carrier": "Redx", "number": "2"},
    ]
    part = {"part_cancellation_id": "c", "reason": "Rahima rang"}
    event = {"order": {"parcels": parcels, "part_cancellations": [part]}}
    events = lab.database.kernel.events
    row = {"event_id": uuid4(), "type": "order.edited.v1", "sequence": 1, "public": True, "occurred_at": NOW, "recorded_at": NOW}
    kept: dict[str, Any] = {SOMEBODY: event, OTHER: event, new_id("order"): {"order": {"parcels": []}}, new_id("order"): {"order": None}}
    async with lab.database.transaction("lab.events") as tx:
        for subject, data in kept.items():
            await tx.execute(sa.insert(events).values(row | {"store_id": lab.store, "subject": subject, "data": data}))
        await forget(tx, lab.store, [subject for subject in kept if subject != OTHER])
    async with lab.database.reading() as tx:
        found = {
            row.subject: row.data for row in await tx.all(sa.select(events.c.subject, events.c.data).where(events.c.store_id == lab.store))
        }
    blanked = [
        {"parcel_id": "a", "carrier": "Pathao", "number": "", "url": None},
        {"parcel_id": "b", "carrier": "Redx", "number": "", "url": None},
    ]
    assert found == kept | {SOMEBODY: {"order": {"parcels": blanked, "part_cancellations": [part | {"reason": ""}]}}}
    assert without_personal(event) == found[SOMEBODY]
