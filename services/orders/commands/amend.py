"""Changes what was bought while the order is pending: its lines, figures and reserved stock, as one version."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from services.orders.commands.change import Doing, changed, write
from services.orders.commands.lines import replace_lines
from services.orders.commands.stock import move
from services.orders.queries.orders import order_for
from services.orders.queries.settings import settings_of
from services.orders.queries.stock import locked_levels
from services.orders.requests.amending import AmendOrder
from services.orders.rules.amend import amended, changed_parts, freed, may_amend
from services.orders.rules.room import enough_room
from services.orders.rules.stock import Movement, oversold_with, taken
from services.orders.state import LineExtra, OrderState
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Refused, expect_version
from shared.contracts.events import Order, OrderAmended, PersonalLine
from shared.data.db import Transaction


async def amend_order(
    tx: Transaction, actor: Actor, order_id: str, request: AmendOrder, *, now: datetime, expected_version: int
) -> OrderState:
    """Replace what was bought by what is wanted. Stock follows by the difference of each SKU.

    Raises NotFound, Forbidden, VersionConflict, TooLarge, Invalid and Refused (see rules.amend), Refused `out_of_stock`.
    """
    state = await order_for(tx, actor, order_id, lock=True)
    shop_only(actor).or_raise()  # whoever may never amend hears that first
    expect_version(state.order.version, expected_version)
    before = state.order
    may_amend(before, actor).or_raise()
    settings = await settings_of(tx, actor.store)
    named = {line.sku for line in before.lines} | {line.sku for line in request.lines if line.sku is not None}
    levels = await locked_levels(tx, actor, named)
    wanted = amended(before, request, tracked=levels.keys() if settings.stock else (), last_line=state.last_line)
    state = _beside(state, request, {line.line for line in wanted.lines})
    enough_room([one.model_dump_json() for one in (*wanted.lines, *state.personal.lines)])
    units = freed(before, wanted)
    short = taken(units, levels)
    if short and settings.oversell == "refuse":
        left = [{"sku": one.sku, "on_hand": levels[one.sku], "ordered": -units[one.sku]} for one in short]
        raise Refused("out_of_stock", "There is less stock than the amendment takes.", short=left)
    state = replace(state, oversold=oversold_with(state.oversold, short), oversold_open=state.oversold_open or bool(short))
    fields = {name: getattr(wanted, name) for name in Order.model_fields if name != "version"}
    after = changed(state, now=now, last_line=max(state.last_line, *(line.line for line in wanted.lines)), **fields)
    await replace_lines(tx, actor, before, after.order)
    parts = changed_parts(before, wanted)
    details: dict[str, Any] = {"changed": list(parts), "total_before": before.total, "total": wanted.total}
    if short:
        details["oversold"] = [asdict(one) for one in short]
    doing = Doing(actor, now, now, message=request.message, reason=request.reason)
    also = {"reason": request.reason, "changed": parts, "total_before": before.total}
    await write(tx, after, OrderAmended, doing, details, **also)
    cause = f"amended:{order_id}:{after.order.version}"
    moved = [Movement(sku, number, cause, oversell=settings.oversell == "allow") for sku, number in sorted(units.items()) if sku in levels]
    await move(tx, actor, moved, order_id=order_id, reason="order amended", now=now)
    return after


def _beside(state: OrderState, request: AmendOrder, lines: set[int]) -> OrderState:
    """The state with what stands beside its lines: without that of removed lines, with that of new ones."""
    new = list(enumerate((line for line in request.lines if line.line is None), start=state.last_line + 1))
    wishes = [PersonalLine(line=number, personalisation=line.personalisation) for number, line in new if line.personalisation]
    extras = [LineExtra.like(line, line=number) for number, line in new if (line.product_id, line.image_url) != (None, None)]
    personal = (*(one for one in state.personal.lines if one.line in lines), *wishes)
    return replace(
        state,
        personal=state.personal.model_copy(update={"lines": personal}),
        line_extras=(*(one for one in state.line_extras if one.line in lines), *extras),
    )
