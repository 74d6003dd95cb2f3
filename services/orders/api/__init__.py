"""Routes of the order service: parse, one command or query, answer."""

from fastapi import APIRouter

from services.orders.api import changes, lists, orders, settings, stock

router = APIRouter(prefix="/v1", tags=["orders"])
for part in (lists, orders, changes, stock, settings):
    router.include_router(part.router)
