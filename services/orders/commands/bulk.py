"""One step for many orders, each in a transaction of its own."""

from datetime import datetime

from services.orders.commands.batch import each, problem, unexpected
from services.orders.commands.change import enforce
from services.orders.commands.transitions import move_order
from services.orders.requests.changes import BulkTransition, Transition
from services.orders.rules.status import shop_only
from services.orders.views.orders import BulkView, MovedItem
from shared.contracts.actor import Actor
from shared.contracts.errors import Failure
from shared.data.db import Database
from shared.data.idempotency import Claim, Kept, Overtaken, keep, look_up


async def move_orders(db: Database, actor: Actor, request: BulkTransition, key: str, path: str, *, now: datetime) -> BulkView:
    """Move each order by itself. Raises Forbidden; everything else is the order's own answer."""
    enforce(shop_only(actor))
    step = Transition(to=request.to, message=request.message, occurred_at=request.occurred_at)
    asked = step.model_dump_json().encode()

    async def move(index: int, order_id: str) -> MovedItem:
        claim = Claim.of(actor, f"{key}\n{index}", "POST", f"{path}/{order_id}", asked)
        try:
            async with db.transaction("orders.transition_many") as tx:
                kept = await look_up(tx, claim)
                if kept is not None:
                    return MovedItem.model_validate_json(kept.body)
                after = await move_order(tx, actor, order_id, step, now=now)
                moved = MovedItem(order_id=order_id, status=200, version=after.order.version)
                await keep(tx, claim, Kept(200, moved.model_dump_json()), now)
        except Overtaken:
            return await move(index, order_id)
        except Failure as failure:
            return MovedItem(order_id=order_id, status=failure.status, problem=problem(failure))
        except Exception as error:  # its own trouble, and no other order's
            return MovedItem(order_id=order_id, status=Failure.status, problem=problem(unexpected(error)))
        return moved

    items = await each(request.order_ids, move)
    changed = sum(1 for item in items if item.problem is None)
    return BulkView(changed=changed, refused=len(items) - changed, items=items)
