"""Response bodies of what happened to an order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.orders.rules.closing import ONLY_FOR_THE_SHOP
from services.orders.state import Change
from shared.contracts.actor import Actor
from shared.contracts.events import By, Order, OrderImported
from shared.web.views import ByView, View


class TimelineEntry(View):
    """One change of the order: who made it, when, and the message to the customer. `details` depend on the type."""

    version: int
    type: str
    by: ByView
    message: str
    reason: str
    details: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime


SHOWN_TO_CUSTOMERS = (
    "from", "to", "fields", "before", "after", "tracking", "payment_id", "amount", "method", "reverses", "refund_id", "credit", "changed",
    "total", "total_before", "part_cancellation_id", "lines", "parcel_id", "change",
)  # fmt: skip

OF_THE_SHOP = ("tags", "metadata", "accept_addresses", "accept_oversold", "customer_id")


def timeline_of(order: Order, changes: Sequence[Change], actor: Actor) -> list[TimelineEntry]:
    """The changes of the order as `actor` may see them, oldest first; an import has one entry for each of its dates."""
    shown = [change for change in changes if actor.is_shop or change.type not in ONLY_FOR_THE_SHOP]
    return [_entry(one, actor) for change in shown for one in _dated(order, change)]


def _dated(order: Order, change: Change) -> list[Change]:
    if change.type != OrderImported.type:
        return [change]
    by = {"cancelled": order.cancellation.by} if order.cancellation else {}
    return [replace(change, by=by.get(to, change.by), occurred_at=at, details={"to": to}) for to, at in order.past]


def _entry(change: Change, actor: Actor) -> TimelineEntry:
    """One change: internal details (such as a rider's name) are only for the shop."""
    details = change.details if actor.is_shop else _for_customers(change.details)
    return TimelineEntry.showing(
        change, by=ByView.of(change.by, actor), reason=reason_for(change.reason, change.by, actor), details=details
    )


def _for_customers(details: Mapping[str, Any]) -> dict[str, Any]:
    """Without internal details, and without the parts of an edit that are only the shop's."""
    shown = {name: value for name, value in details.items() if name in SHOWN_TO_CUSTOMERS}
    for name in ("before", "after"):
        if name in shown:
            shown[name] = {part: value for part, value in shown[name].items() if part not in OF_THE_SHOP}
    if "fields" in shown:
        shown["fields"] = [part for part in shown["fields"] if part not in OF_THE_SHOP]
    return shown


def reason_for(reason: str, by: By, actor: Actor) -> str:
    """A reason is shown only to the shop and to the actor who gave it; text for the customer goes into the change's message."""
    return reason if actor.is_shop or actor.did(by.role, by.id) else ""
