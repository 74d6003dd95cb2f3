"""Records inspections of refunded goods: the goods go back to stock, or not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from services.refunds.commands import record
from services.refunds.queries.refunds import refund_for_change
from services.refunds.requests import InspectGoods, LineInspected
from services.refunds.rules.decisions import may_inspect
from services.refunds.state import Refund, RefundLine
from services.refunds.tables import inspections, refund_lines
from shared.contracts.actor import Actor
from shared.contracts.errors import Invalid, Refused
from shared.contracts.events import By, InspectedLine, RefundInspected
from shared.contracts.ids import new_uuid
from shared.data.db import Transaction


async def inspect_goods(
    tx: Transaction, actor: Actor, refund_id: str, inspection: InspectGoods, *, now: datetime, expected_version: int | None = None
) -> Refund:
    """Decide on units waiting for inspection. Restocked units move once, with this inspection as their cause.

    Raises NotFound, VersionConflict, Forbidden `shop_only`, Invalid (a line and disposition twice), Refused `not_approved`, `not_waiting`.
    """
    refund, _ = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    may_inspect(refund, actor).or_raise()
    decided = inspection.lines
    _once(decided)
    lines = {line.line: line for line in refund.lines}
    for one in decided:
        lines[one.line] = _looked_at(lines.get(one.line), one)
    inspection_id = new_uuid()
    parts = [_part(lines[one.line], one) for one in decided]
    same = {"store_id": actor.store, "inspection_id": inspection_id, "refund_id": refund_id, "inspected_by": By.of(actor).model_dump()}
    rows = [part.model_dump(exclude={"sku"}) | same | {"inspected_at": now} for part in parts]
    for number in {one.line for one in decided}:
        mine = (refund_lines.c.store_id == actor.store, refund_lines.c.refund_id == refund_id, refund_lines.c.line == number)
        await tx.execute(sa.update(refund_lines).where(*mine).values(inspected=lines[number].inspected))
    await tx.execute(sa.insert(inspections), rows)
    after = await record.change(tx, actor.store, refund, lines=tuple(lines.values()))
    facts = {"inspection_id": inspection_id, "lines": tuple(parts)}
    await record.announce(tx, actor, RefundInspected, after, now=now, facts=facts)
    return after


def _looked_at(line: RefundLine | None, one: LineInspected) -> RefundLine:
    waiting = 0 if line is None else line.waiting
    if line is None or waiting < one.quantity:
        detail = f"Line {one.line}: {waiting} units are waiting for inspection, but {one.quantity} were decided."
        raise Refused("not_waiting", detail, line=one.line, waiting=waiting)
    return replace(line, inspected=line.inspected + one.quantity)


def _part(line: RefundLine, one: LineInspected) -> InspectedLine:
    back = one.quantity if one.disposition == "restock" and line.stock_tracked else 0
    return InspectedLine(line=one.line, sku=line.sku, quantity=one.quantity, disposition=one.disposition, restock=back)


def _once(decided: Sequence[LineInspected]) -> None:
    seen = set()
    for at, one in enumerate(decided):
        if (one.line, one.disposition) in seen:
            accepted = "Name each line once per disposition, with all its units."
            raise Invalid("line_twice", f"Line {one.line} is named twice.", at=f"/lines/{at}", accepted=accepted)
        seen.add((one.line, one.disposition))
