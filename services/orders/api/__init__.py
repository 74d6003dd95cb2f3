"""Routes: parse the request, run one command or query, respond."""

from services.orders.api import changes, customers, figures, guests, journal, lists, live, orders, parcels, settings, stock
from shared.web.call import Router

router = Router(prefix="/v1", tags=["orders"])
for part in (lists, figures, journal, live, orders, guests, changes, parcels, stock, settings, customers):
    router.include_router(part.router)
