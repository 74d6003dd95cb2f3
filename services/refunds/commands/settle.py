"""Records reports, by the shop or its platform, of attempts to move the money."""

from datetime import datetime

import sqlalchemy as sa

from services.refunds.commands import attention, record
from services.refunds.queries.refunds import refund_for_change
from services.refunds.requests import ReportSettlement
from services.refunds.rules.decisions import may_settle
from services.refunds.rules.settlement import SETTLEMENT
from services.refunds.state import Refund
from services.refunds.tables import settlements
from shared.contracts.actor import Actor
from shared.contracts.events import By, RefundSettled, RefundSettlementFailed
from shared.data.db import Transaction


async def report_settlement(
    tx: Transaction, actor: Actor, refund_id: str, report: ReportSettlement, *, now: datetime, expected_version: int | None = None
) -> Refund:
    """Store a report and apply its effect from rules.settlement. Repeating a report changes nothing.

    Raises NotFound, VersionConflict, Forbidden `shop_only`, Refused (rules.decisions.may_settle).
    """
    refund, _ = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    may_settle(refund, actor).or_raise()
    known = await tx.all(sa.select(settlements).where(settlements.c.store_id == actor.store, settlements.c.refund_id == refund_id))
    if any((row.method, row.reference, row.outcome) == (report.method, report.reference, report.outcome) for row in known):
        return refund
    effect, number = SETTLEMENT[refund.settlement, report.outcome], len(known) + 1
    row = {
        "store_id": actor.store, "refund_id": refund_id, "number": number, **report.model_dump(), "counts": effect.counts,
        "reported_by": By.of(actor).model_dump(), "reported_at": now,
    }  # fmt: skip
    await tx.execute(sa.insert(settlements), row)
    if effect.attention is not None:
        # The report is stored but changes nothing: a person must look.
        await attention.open_attention(
            tx, actor, effect.attention, key=f"{refund_id}:{number}", order_id=refund.order_id, refund_id=refund_id,
            facts=report.model_dump(), now=now,
        )  # fmt: skip
        return await record.change(tx, actor.store, refund)
    after = await record.change(tx, actor.store, refund, settlement=effect.settlement)
    if report.outcome == "succeeded":
        await record.announce(tx, actor, RefundSettled, after, now=now, facts={"reference": report.reference, "method": report.method})
    else:
        facts = {"reference": report.reference, "reason": report.reason}
        await record.announce(tx, actor, RefundSettlementFailed, after, now=now, facts=facts)
    return after
