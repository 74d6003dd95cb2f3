"""Composition root of the refund service."""

from services.refunds.api import router
from services.refunds.commands.files import sweep
from services.refunds.consumers import consumers
from services.refunds.rules.problems import PROBLEMS
from services.refunds.settings import RefundsEnvironment
from services.refunds.tables import count_deltas, counts, figure_deltas, figures, metadata, to_send, to_send_deltas
from shared.data.counts import Fold
from shared.process.service import Service, Sweeper

SWEEP_FILES_SECONDS = 3_600
FOLD_SECONDS = 5

SERVICE = Service(
    name="refunds",
    title="Aftersale refunds",
    description="The only authority on what is refunded: requests, decisions, automatic refunds of cancelled orders, settlement, policy.",
    nouns=("refunds", "refund-policy", "attachments"),
    metadata=metadata,
    router=router,
    consumers=consumers,
    problems=PROBLEMS,
    sweepers=(
        Sweeper("files", SWEEP_FILES_SECONDS, sweep),
        Sweeper("counts", FOLD_SECONDS, Fold(counts, count_deltas)),
        Sweeper("figures", FOLD_SECONDS, Fold(figures, figure_deltas)),
        Sweeper("to-send", FOLD_SECONDS, Fold(to_send, to_send_deltas)),
    ),
    settings=RefundsEnvironment,
)
