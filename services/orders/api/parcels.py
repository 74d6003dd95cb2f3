"""Calls that change the parcels of one order."""

from fastapi import Response

from services.orders.api.changes import CHANGE
from services.orders.commands.parcels import add_parcel, correct_parcel, remove_parcel
from services.orders.requests.parcels import ParcelEdit, ParcelInput
from services.orders.views.orders import OrderView
from shared.contracts.ids import OrderId, ParcelId
from shared.web.call import Call, DryRun, Router

router = Router()


@router.post("/orders/{order_id}/parcels", operation_id="orders_parcel_add", response_model=OrderView, responses=CHANGE)
async def add(order_id: OrderId, request: ParcelInput, call: Call, dry_run: DryRun = False) -> Response:
    """Add a parcel, from confirmation until 90 days after delivery; it moves no status."""
    return await call.change("orders.add_parcel", OrderView.of, add_parcel, order_id, request, dry_run=dry_run)


@router.patch("/orders/{order_id}/parcels/{parcel_id}", operation_id="orders_parcel_edit", response_model=OrderView, responses=CHANGE)
async def correct(order_id: OrderId, parcel_id: ParcelId, request: ParcelEdit, call: Call, dry_run: DryRun = False) -> Response:
    """Correct a parcel: carrier, number, link, contents, times."""
    return await call.change(
        "orders.correct_parcel", OrderView.of, correct_parcel, order_id, parcel_id, request, idempotent="optional", dry_run=dry_run
    )


@router.delete("/orders/{order_id}/parcels/{parcel_id}", operation_id="orders_parcel_remove", response_model=OrderView, responses=CHANGE)
async def remove(order_id: OrderId, parcel_id: ParcelId, call: Call, dry_run: DryRun = False) -> Response:
    """Remove a parcel; the timeline keeps it. `tracking` is then that of the first one left."""
    return await call.change(
        "orders.remove_parcel", OrderView.of, remove_parcel, order_id, parcel_id, idempotent="optional", dry_run=dry_run
    )
