"""Sums for a dashboard."""

from typing import Annotated

from fastapi import Query, Response

from services.orders.queries.figures import figures_of
from services.orders.views.figures import OrderFiguresView
from shared.contracts.errors import Forbidden
from shared.web.call import Call, Router, problems
from shared.web.figures import FiguresQuery

router = Router()


@router.get("/orders/figures", operation_id="orders_figures_read", response_model=OrderFiguresView, responses=problems(Forbidden))
async def figures(query: Annotated[FiguresQuery, Query()], call: Call) -> Response:
    """Orders placed, sold and collected by hour or day of the store's time zone, and the cash that is out, by currency.

    `sold` counts an order's total when it was placed; an amendment or cancellation counts its difference at its own time. What is
    credited for units or by a refund is not in it. `collected` counts payments, less reversals, when they occurred. `cash_out` is what is
    due now of orders whose goods left.
    """
    async with call.walking() as tx:
        found = await figures_of(tx, call.actor, query)
    return call.show(OrderFiguresView.of(found))
