"""Erases a customer's personal data: here at once, elsewhere through `customer.erased`. Ids, amounts and ledgers stay."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONPATH

from services.orders.commands.change import CONTACT, LISTS, Doing, changed, write
from services.orders.commands.guests import revoke_links_of
from services.orders.queries.orders import order_for
from services.orders.tables import changes, metadata, orders
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Refused
from shared.contracts.events import By, CustomerErased, OrderEdited, OrderPersonal
from shared.contracts.personal import ERASED_REASON
from shared.data.db import Transaction
from shared.data.erasure import forget
from shared.messaging.outbox import emit

MAX_ORDERS_AT_ONCE = 2_000
PERSONAL = (
    "customer", "shipping_address", "billing_address", "tracking", "parcels", "company", "tax_numbers", "buyer_reference", "customer_note",
    "lines", "tags", "metadata",
)  # fmt: skip
WRITTEN = ["tracking", "reported_by", "before", "after"]  # in the details of a change

events = metadata.tables["orders.events"]

_says_something = sa.or_(
    sa.func.concat(*(orders.c[name] for name in CONTACT)) != "",
    *(orders.c[name] != [] for name in LISTS if name != "parcels"),
    sa.func.jsonb_path_exists(orders.c.parcels, sa.cast('$[*] ? (@.number != "" || @.url != null)', JSONPATH)),
    *(sa.func.jsonb_typeof(orders.c[name]) != "null" for name in ("shipping_address", "billing_address", "invoiced_address", "tracking")),
    orders.c.cancellation["reason"].astext.not_in(("", ERASED_REASON)),
    sa.func.jsonb_path_exists(orders.c.part_cancellations, sa.cast('$[*] ? (@.reason != "")', JSONPATH)),
    orders.c.metadata != {},
    orders.c.address_problems != [],
)
"""Orders that may hold personal data. Orders that were blanked before are not read again."""


async def erase_customer(tx: Transaction, actor: Actor, customer_id: str, *, now: datetime) -> int:
    """Blank all personal data in a customer's orders, each as a new version. Returns how many orders. Repeating it is harmless.

    Raises Forbidden, Refused `too_many_orders` above 2,000 orders.
    """
    shop_only(actor).or_raise()
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"erase:{actor.store}:{customer_id}", 0))))
    mine = (orders.c.store_id == actor.store) & (orders.c.customer_id == customer_id)
    found = sa.select(orders.c.order_id, _says_something.label("says_something")).where(mine).order_by(orders.c.order_id)
    rows = await tx.all(found.with_for_update())  # none of them is handed to another customer meanwhile
    order_ids = [row.order_id for row in rows]
    if len(order_ids) > MAX_ORDERS_AT_ONCE:
        raise Refused("too_many_orders", f"A customer with more than {MAX_ORDERS_AT_ONCE} orders must be erased by the operator, in parts.")
    for row in rows:
        if row.says_something:
            await _blank(tx, actor, row.order_id, now=now)
    await _blank_history(tx, actor.store, order_ids)
    await forget(tx, actor.store, order_ids, customer_id=customer_id)
    await revoke_links_of(tx, actor.store, order_ids, now=now)
    subject = f"customer:{customer_id}"
    last = sa.select(sa.func.coalesce(sa.func.max(events.c.sequence), 0)).where(
        events.c.store_id == actor.store, events.c.subject == subject
    )
    event = CustomerErased(occurred_at=now, customer_id=customer_id, order_ids=tuple(order_ids), by=By.of(actor))
    await emit(tx, event, store_id=actor.store, sequence=int(await tx.scalar(last)) + 1, recorded_at=now)
    return len(order_ids)


async def _blank(tx: Transaction, actor: Actor, order_id: str, *, now: datetime) -> None:
    state = await order_for(tx, actor, order_id, lock=True)
    forgotten = state.order.forgotten()
    emptied = replace(state, personal=OrderPersonal(), metadata={}, tags=(), line_extras=(), address_problems=())
    if emptied == state and forgotten == state.order:
        return
    blank = {name: getattr(forgotten, name) for name in ("cancellation", "part_cancellations", "parcels")}
    after = changed(emptied, now=now, **blank)
    doing = Doing(actor, now, now, reason=ERASED_REASON)
    await write(tx, after, OrderEdited, doing, {"fields": list(PERSONAL)}, reason=ERASED_REASON, fields=PERSONAL)


async def _blank_history(tx: Transaction, store_id: str, order_ids: list[str]) -> None:
    """Blank the free text in the timeline: messages, reasons but the erasure's own, who reported a failed delivery, tracking."""
    mine = (changes.c.store_id == store_id) & changes.c.order_id.in_(order_ids)
    reason = sa.case((changes.c.reason == ERASED_REASON, ERASED_REASON), else_="")
    blank = {"message": "", "reason": reason, "details": changes.c.details - sa.cast(WRITTEN, sa.ARRAY(sa.Text))}
    await tx.execute(sa.update(changes).where(mine).values(blank))
