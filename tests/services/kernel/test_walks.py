"""A bounded walk over rows that are mostly left out: pages may be empty, and still nothing is lost in either direction."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from shared.contracts.actor import Actor
from shared.data.idempotency import Reservation, Stored, store
from shared.web.pages import Key, Order, Walked, walk
from tests.services.kernel.lab import Lab

EXAMINED = 4
WANTED = ["k00", "k13"]  # between them stand three walks of nothing


def _key(key: str, status: int) -> str:
    return key


@pytest.mark.parametrize("limit", [1, 2])
async def test_an_empty_page_in_the_middle_loses_nothing(lab: Lab, limit: int) -> None:
    actor, table = Actor(lab.store, "staff", "staff-1"), lab.database.kernel.idempotency
    async with lab.database.transaction("lab.store") as tx:
        for key in (f"k{number:02}" for number in range(14)):
            stored = Stored(201 if key in WANTED else 200, "{}")
            await store(tx, Reservation.of(actor, key, "POST", "/", b""), stored, now=datetime.now(UTC))

    async def page(cursor: str | None) -> Walked[str]:
        def left(window: sa.Subquery, order: Order) -> sa.Select[tuple[str, int]]:
            return sa.select(window).where(window.c.status == 201).order_by(*order(window.c))

        source = sa.select(table.c.key, table.c.status).where(table.c.store_id == lab.store)
        async with lab.database.reading() as tx:
            return await walk(tx, Key(table.c.key), _key, source, cursor=cursor, limit=limit, left=left, examined=EXAMINED)

    forward = [await page(None)]
    while (cursor := forward[-1].next_cursor) is not None:
        forward.append(await page(cursor))
    assert [item for one in forward for item in one.items] == WANTED
    assert [] in [one.items for one in forward[1:-1]]

    for start, one in enumerate(forward[1:], start=1):  # back from each page: all that came before it, in the same order
        items: list[str] = []
        cursor = one.previous_cursor
        while cursor is not None:
            before = await page(cursor)
            items = before.items + items
            cursor = before.previous_cursor
        assert items == [item for earlier in forward[:start] for item in earlier.items]
