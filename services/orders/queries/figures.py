"""What a store sold and collected in each hour or day, and what is still to be collected."""

from services.orders.queries.settings import settings_of
from services.orders.tables import cash_out, cash_out_deltas, figure_deltas, figures
from shared.contracts.actor import Actor, shop_only
from shared.data.db import Transaction
from shared.web.figures import FiguresQuery, SumsByCurrency, sums_by_currency


async def figures_of(tx: Transaction, actor: Actor, wanted: FiguresQuery) -> SumsByCurrency:
    """The store's figures by currency. Raises Forbidden for customers, Invalid (see shared.web.figures)."""
    shop_only(actor, to_read=True).or_raise()
    zone = (await settings_of(tx, actor.store)).time_zone
    kept, outstanding = (figures, figure_deltas), (cash_out, cash_out_deltas)
    return await sums_by_currency(tx, actor.store, zone, wanted, sums=kept, outstanding=outstanding)
