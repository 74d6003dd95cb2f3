"""Query parameters of lists and exports of orders."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.events import OrderStatus, PaymentState, RefundState
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.web.exports import FileQuery
from shared.web.inputs import CustomerId, Moment
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit

Total = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR_UNITS)]


class OrderFilter(BaseModel):
    """The filter. An unknown parameter is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)

    status: list[OrderStatus] = []
    payment: list[PaymentState] = []
    refund_state: list[RefundState] = []
    customer_id: CustomerId | None = None
    currency: Annotated[str | None, Field(pattern="^[A-Z]{3}$")] = None
    placed_from: Annotated[Moment | None, Field(alias="placed_at.gte")] = None
    placed_before: Annotated[Moment | None, Field(alias="placed_at.lt")] = None
    total_from: Annotated[Total | None, Field(alias="total.gte", description="Minor units; give currency with it")] = None
    total_to: Annotated[Total | None, Field(alias="total.lte", description="Minor units; give currency with it")] = None
    needs_attention: Annotated[bool, Field(description="Only orders that are overpaid, have an address problem or were oversold")] = False
    q: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="A number, reference, e-mail, phone or SKU in full, or a part of a name"),
    ] = None


class PageQuery(OrderFilter):
    """The filter, and which page."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor = None


class ExportQuery(OrderFilter, FileQuery):
    """The filter, and the file format."""
