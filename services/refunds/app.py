"""The refund service, put together."""

from services.refunds.api import router
from services.refunds.consumers import consumers
from services.refunds.models import metadata
from services.refunds.rules.problems import PROBLEMS
from shared.service import Service

SERVICE = Service(
    name="refunds",
    title="Aftersale refunds",
    description="The only authority on what is refunded: requests, decisions, automatic refunds of cancelled orders, settlement, policy.",
    metadata=metadata,
    router=router,
    consumers=consumers,
    problems=PROBLEMS,
)
