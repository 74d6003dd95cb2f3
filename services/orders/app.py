"""Composition root of the order service."""

from services.orders.api import router
from services.orders.commands.guests import sweep_links
from services.orders.consumers import consumers
from services.orders.rules.problems import PROBLEMS
from services.orders.settings import OrderSettings
from services.orders.tables import count_deltas, counts, metadata
from shared.data.counts import Fold
from shared.process.service import Service, Sweeper

SERVICE = Service(
    name="orders",
    title="Aftersale orders",
    description="The only authority on an order's status, its totals and the money collected for it.",
    nouns=("orders", "orders-settings", "stock", "customers"),
    metadata=metadata,
    router=router,
    consumers=consumers,
    problems=PROBLEMS,
    sweepers=(Sweeper("counts", 5, Fold(counts, count_deltas)), Sweeper("guest-links", 3600, sweep_links)),
    settings=OrderSettings,
)
