"""What a store credited, approved to pay back and sent in each hour or day, and what is still to send."""

from services.refunds.queries.policies import time_zone
from services.refunds.tables import figure_deltas, figures, to_send, to_send_deltas
from shared.contracts.actor import Actor, shop_only
from shared.data.db import Transaction
from shared.web.figures import FiguresQuery, SumsByCurrency, sums_by_currency


async def figures_of(tx: Transaction, actor: Actor, wanted: FiguresQuery) -> SumsByCurrency:
    """The store's figures by currency. Raises Forbidden for customers, Invalid (see shared.web.figures)."""
    shop_only(actor, to_read=True).or_raise()
    zone = await time_zone(tx, actor.store)
    kept, outstanding = (figures, figure_deltas), (to_send, to_send_deltas)
    return await sums_by_currency(tx, actor.store, zone, wanted, sums=kept, outstanding=outstanding)
