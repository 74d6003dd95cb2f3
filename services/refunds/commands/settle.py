"""The outside reports what became of the money."""

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from services.refunds.commands import attention, record
from services.refunds.commands.attention import Matter
from services.refunds.queries.refunds import refund_for_change
from services.refunds.rules.decisions import enforce, may_settle
from services.refunds.rules.settlement import SETTLEMENT
from services.refunds.state import Outcome, Refund, by
from services.refunds.tables import settlements
from shared.contracts.actor import Actor
from shared.contracts.events import RefundSettled, RefundSettlementFailed
from shared.data.db import Transaction


@dataclass(frozen=True, slots=True)
class Report:
    """One attempt to move the money: `reference` is the provider's own."""

    outcome: Outcome
    reference: str
    method: str
    reason: str = ""


async def report_settlement(
    tx: Transaction, actor: Actor, refund_id: str, report: Report, *, now: datetime, expected_version: int | None = None
) -> Refund:
    """Keep a report and let it count as rules.settlement says; the same report again changes nothing at all.

    Raises NotFound, VersionConflict, Forbidden `staff_only`, Refused (rules.decisions.may_settle).
    """
    refund, _ = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    enforce(may_settle(refund.state, actor))
    known = await tx.all(sa.select(settlements).where(settlements.c.store_id == actor.store, settlements.c.refund_id == refund_id))
    if any((row.method, row.reference, row.outcome) == (report.method, report.reference, report.outcome) for row in known):
        return refund
    effect, number = SETTLEMENT[refund.settlement, report.outcome], len(known) + 1
    row = {
        "store_id": actor.store, "refund_id": refund_id, "number": number, **asdict(report), "counts": effect.counts,
        "reported_by": by(actor).model_dump(), "reported_at": now,
    }  # fmt: skip
    await tx.execute(sa.insert(settlements), row)
    if effect.attention is not None:
        # It was kept and changed nothing: somebody must look.
        key = f"{refund_id}:{number}"
        await attention.open_matter(tx, actor, Matter(effect.attention, key, refund.order_id, asdict(report), refund_id), now)
        return await record.change(tx, actor.store, refund)
    after = await record.change(tx, actor.store, refund, settlement=effect.settlement)
    if report.outcome == "succeeded":
        await record.tell(tx, actor, RefundSettled, after, now=now, facts={"reference": report.reference, "method": report.method})
    else:
        facts = {"reference": report.reference, "reason": report.reason}
        await record.tell(tx, actor, RefundSettlementFailed, after, now=now, facts=facts)
    return after
