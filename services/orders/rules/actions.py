"""What the calling actor may do with an order now, and why not, decided by the same rules that guard the commands."""

from datetime import datetime

from services.orders.state import StoreSettings
from shared.contracts.actor import Actor, Decision
from shared.contracts.events import Order
from shared.contracts.lifecycle import STEPS

from .amend import may_amend
from .cancel import may_cancel
from .closing import may_close
from .edit import EDITABLE, may_edit
from .hand_over import may_hand_over
from .parcels import may_change_parcels
from .part_cancel import may_cancel_in_part
from .payments import may_record
from .status import may_move, may_report_failed_delivery

MOVES = dict(zip(STEPS, ("confirm", "pick_up", "ship", "deliver"), strict=True))


def actions(order: Order, actor: Actor, settings: StoreSettings, *, now: datetime) -> dict[str, Decision]:
    """The decision for `actor` on every action, by the action's name."""
    return {
        **{MOVES[step]: may_move(order, step, actor) for step in STEPS},
        "report_failed_delivery": may_report_failed_delivery(order, actor),
        "record_payment": may_record(order, actor, 1),
        "amend": may_amend(order, actor),
        "part_cancel": may_cancel_in_part(order, actor),
        "change_parcels": may_change_parcels(order, actor, now=now),
        "close_difference": may_close(order, actor, settings.closing_limit),
        "cancel": may_cancel(order, actor, settings.cancel_preset, settings.customer_cancel_until),
        "hand_over": may_hand_over(actor),
        **{f"edit_{part}": may_edit(order, part, actor, now=now) for part in EDITABLE},
    }
