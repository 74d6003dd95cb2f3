"""Writes what was bought: the lines of an order."""

from typing import Any

import sqlalchemy as sa

from services.orders.tables import lines
from shared.contracts.actor import Actor
from shared.contracts.events import Order, OrderLine
from shared.data.db import Transaction


async def replace_lines(tx: Transaction, actor: Actor, before: Order, after: Order) -> None:
    """Write the lines that differ. The table's trigger allows it only while the order is pending."""
    mine = (lines.c.store_id == actor.store) & (lines.c.order_id == after.order_id)
    was, now = {line.line: line for line in before.lines}, {line.line: line for line in after.lines}
    removed = was.keys() - now.keys()
    if removed:
        await tx.execute(sa.delete(lines).where(mine, lines.c.line.in_(removed)))
    for number, line in now.items():
        if number in was and line != was[number]:
            await tx.execute(sa.update(lines).where(mine, lines.c.line == number).values(_columns(line)))
    new = [_columns(line) for number, line in now.items() if number not in was]
    if new:
        same = {"store_id": actor.store, "order_id": after.order_id, "placed_at": after.placed_at}
        await tx.execute(sa.insert(lines), [same | one for one in new])


def _columns(line: OrderLine) -> dict[str, Any]:
    said = {name: getattr(line, name) for name in OrderLine.model_fields if name in lines.c}
    return said | {"options": [one.model_dump() for one in line.options] or None}
