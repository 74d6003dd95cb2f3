"""Moves many orders by one step, each in its own transaction."""

import json
from datetime import datetime

from services.orders.commands.batch import each, unexpected
from services.orders.commands.transitions import move_order
from services.orders.requests.changes import BulkTransition, Transition
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Failure
from shared.data.db import Database
from shared.data.idempotency import Overtaken, Reservation, Stored, look_up, store


async def move_orders(db: Database, actor: Actor, request: BulkTransition, key: str, path: str, *, now: datetime) -> list[int | Failure]:
    """Move each order independently. Returns its new version or its failure. Raises Forbidden."""
    shop_only(actor).or_raise()
    step = Transition(to=request.to, message=request.message, occurred_at=request.occurred_at)
    asked = step.model_dump_json().encode()

    async def move(index: int, order_id: str) -> int | Failure:
        reservation = Reservation.of(actor, f"{key}\n{index}", "POST", f"{path}/{order_id}", asked)
        try:
            async with db.transaction("orders.transition_many") as tx:
                stored = await look_up(tx, reservation)
                if stored is not None:
                    return int(json.loads(stored.body)["version"])
                version = (await move_order(tx, actor, order_id, step, now=now)).order.version
                await store(tx, reservation, Stored(200, json.dumps({"order_id": order_id, "version": version})), now=now)
        except Overtaken:
            return await move(index, order_id)
        except Failure as failure:
            return failure
        except Exception as error:  # one order's failure must not stop the others
            return unexpected(error)
        return version

    return await each(request.order_ids, move)
