"""Routes: parse the request, run one command or query in a transaction, respond."""

from services.webhooks.api import deliveries, endpoints, events
from shared.web.call import Router

router = Router(prefix="/v1", tags=["webhooks"])
for part in (endpoints, deliveries, events):
    router.include_router(part.router)
