"""P5. Order of arrival never matters: shuffled, repeated, withheld, a store's history makes the same copies and the same effects."""

from functools import partial
from typing import Any

import pytest

from tests.faults.history import Retelling, Told, live, quiet, shuffled, telling
from tests.shop import PATIENCE_SECONDS, Shop, eventually
from tests.stack import Stack

SEEN = {
    "notes": (
        "select order_id, customer_id, number, version from orders where store_id = {store} order by 1",
        "select order_id, event_id, type, audience, details, internal, message, occurred_at, row_number() over"
        " (partition by order_id order by occurred_at, source_rank, sequence, event_id) as place"
        " from timeline where store_id = {store} order by order_id, place",
    ),
    "refunds": (
        "select order_id, version, number, customer_id, status, currency, shipping, payments, delivered_at, cancellation"
        " from orders where store_id = {store} order by 1",
        "select order_id, line, sku, quantity, total from order_lines where store_id = {store} order by 1, 2",
        "select order_id, cause, status, amount, credit, goods, shipping, shipping_kept, taxes, payout_taxes from refunds"
        " where store_id = {store} and cause not in ('request', 'adjustment', 'overpaid') order by 1, 2",
    ),
    "documents": (
        "select order_id, version, customer_id from orders where store_id = {store} order by 1",
        "select order_id, kind, cause, subject_id, currency, total, data::jsonb->'taxes' as taxes from documents"
        " where store_id = {store} order by 1, 2, 3, 4",
    ),
}
"""What each reader makes of a history, apart from its own ids and numbers, and from when it heard of it."""


async def seen(shop: Shop, reader: str) -> list[list[dict[str, Any]]]:
    return [await shop.rows(reader, sql) for sql in SEEN[reader]]


@pytest.mark.parametrize("seed", [1])
async def test_a_history_in_any_order_makes_the_same_state(shop: Shop, stack: Stack, seed: int) -> None:
    await live(shop)
    history = await quiet(shop)
    async with telling(stack) as again:
        for reader in SEEN:
            mine = [one for one in history if reader in one.readers]
            fresh = Shop(stack, shop._client, shop._pools)
            await retold(again, fresh, reader, [one.in_store(shop.store, fresh.store) for one in mine], seed)
            assert await seen(fresh, reader) == await seen(shop, reader), reader


async def retold(again: Retelling, fresh: Shop, reader: str, history: list[Told], seed: int) -> None:
    """Tell a reader a history that it has never heard: every third event is withheld, the rest comes twice over in any order."""
    withheld = history[::3]
    await again.tell(reader, shuffled([one for one in history if one not in withheld], 2, seed))
    await again.tell(reader, shuffled(withheld, 2, seed))
    await eventually(partial(all_taken, fresh, reader, history), seconds=PATIENCE_SECONDS)


async def all_taken(fresh: Shop, reader: str, history: list[Told]) -> bool:
    rows = await fresh.rows(reader, "select event_id::text from inbox where store_id = {store}")
    return {one.event_id for one in history} <= {row["event_id"] for row in rows}
