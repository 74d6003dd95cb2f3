"""Composition root of the order service."""

from services.orders.api import router
from services.orders.commands.guests import sweep_links
from services.orders.consumers import consumers
from services.orders.rules.problems import PROBLEMS
from services.orders.settings import OrderSettings
from services.orders.tables import cash_out, cash_out_deltas, count_deltas, counts, figure_deltas, figures, metadata
from shared.data.counts import Fold
from shared.process.service import Service, Sweeper

FOLD_SECONDS = 5

SERVICE = Service(
    name="orders",
    title="Aftersale orders",
    description="The only authority on an order's status, its totals and the money collected for it.",
    nouns=("orders", "orders-settings", "stock", "customers"),
    metadata=metadata,
    router=router,
    consumers=consumers,
    problems=PROBLEMS,
    sweepers=(
        Sweeper("counts", FOLD_SECONDS, Fold(counts, count_deltas)),
        Sweeper("figures", FOLD_SECONDS, Fold(figures, figure_deltas)),
        Sweeper("cash-out", FOLD_SECONDS, Fold(cash_out, cash_out_deltas)),
        Sweeper("guest-links", 3600, sweep_links),
    ),
    settings=OrderSettings,
)
