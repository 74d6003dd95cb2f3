"""Adds, corrects and removes parcels of an order, each as a new version that moves no status."""

from datetime import datetime
from typing import Any

from services.orders.commands.change import Doing, Revision, changed, revision, write, write_revision
from services.orders.queries.orders import order_for
from services.orders.requests.bulk import ParcelItem
from services.orders.requests.parcels import ParcelEdit, ParcelInput
from services.orders.rules.edit import difference
from services.orders.rules.parcels import corrected, may_change_parcels, new_parcel, with_parcel
from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound, Refused, expect_version
from shared.contracts.events import Order, OrderParcelsChanged, Parcel
from shared.contracts.ids import new_id
from shared.data.db import Transaction


async def add_parcel(
    tx: Transaction, actor: Actor, order_id: str, request: ParcelInput, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Add a parcel behind those that stand. Raises NotFound, Forbidden, VersionConflict, Invalid and Refused (see rules.parcels)."""
    state = await _open(tx, actor, order_id, now=now, expected_version=expected_version)
    one = _added(state, actor, request, now=now)
    await write_revision(tx, one)
    return one.after


async def add_parcel_of_item(tx: Transaction, actor: Actor, order_id: str, item: ParcelItem, *, now: datetime) -> OrderState:
    """add_parcel() for an item of a bulk change."""
    one = parcel_revision(await order_for(tx, actor, order_id, lock=True), actor, item, now=now)
    await write_revision(tx, one)
    return one.after


def parcel_revision(state: OrderState, actor: Actor, item: ParcelItem, *, now: datetime) -> Revision:
    """What add_parcel() changes, for an item of a bulk change. Raises Forbidden, Invalid and Refused (see rules.parcels)."""
    may_change_parcels(state.order, actor, now=now).or_raise()
    return _added(state, actor, item.parcel, now=now, at="/parcel")


def _added(state: OrderState, actor: Actor, request: ParcelInput, *, now: datetime, at: str = "") -> Revision:
    """`at` points to the parcel in the request."""
    parcel = new_parcel(request, new_id("parcel"), now=now, at=at)
    after = changed(state, now=now, parcels=with_parcel(state.order, parcel, at))
    details = {"parcel_id": parcel.parcel_id, "change": "added", "after": _shown(parcel)}
    return revision(after, OrderParcelsChanged, Doing(actor, now, now), details, parcel_id=parcel.parcel_id, change="added")


async def correct_parcel(
    tx: Transaction, actor: Actor, order_id: str, parcel_id: str, request: ParcelEdit, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Merge the request into a parcel. The history keeps the old and the new values.

    Raises NotFound, Forbidden, VersionConflict, Invalid and Refused (see rules.parcels; `nothing_changed`).
    """
    state = await _open(tx, actor, order_id, now=now, expected_version=expected_version)
    before = _parcel(state.order, parcel_id)
    parcel = corrected(before, request, now=now)
    old, new = difference(_shown(before), _shown(parcel))
    if not new:
        raise Refused("nothing_changed", "The correction does not change anything.")
    after = changed(state, now=now, parcels=with_parcel(state.order, parcel))
    details = {"parcel_id": parcel_id, "change": "corrected", "before": old, "after": new}
    await write(tx, after, OrderParcelsChanged, Doing(actor, now, now), details, parcel_id=parcel_id, change="corrected")
    return after


async def remove_parcel(
    tx: Transaction, actor: Actor, order_id: str, parcel_id: str, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Remove a parcel; the history keeps what it was. Raises NotFound, Forbidden, VersionConflict and Refused (see rules.parcels)."""
    state = await _open(tx, actor, order_id, now=now, expected_version=expected_version)
    before = _parcel(state.order, parcel_id)
    after = changed(state, now=now, parcels=tuple(one for one in state.order.parcels if one.parcel_id != parcel_id))
    details = {"parcel_id": parcel_id, "change": "removed", "before": _shown(before)}
    await write(tx, after, OrderParcelsChanged, Doing(actor, now, now), details, parcel_id=parcel_id, change="removed")
    return after


async def _open(tx: Transaction, actor: Actor, order_id: str, *, now: datetime, expected_version: int | None) -> OrderState:
    """The order, locked, if its parcels can be changed."""
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    may_change_parcels(state.order, actor, now=now).or_raise()
    return state


def _parcel(order: Order, parcel_id: str) -> Parcel:
    for parcel in order.parcels:
        if parcel.parcel_id == parcel_id:
            return parcel
    raise NotFound(detail="The order has no such parcel.")


def _shown(parcel: Parcel) -> dict[str, Any]:
    """What can be corrected, as the API shows it."""
    return parcel.model_dump(mode="json", exclude={"parcel_id"})
