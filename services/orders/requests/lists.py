"""Query parameters of lists and exports of orders."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.orders.requests.words import CountryCode, Tag
from shared.contracts.events import Fulfilment, OrderStatus, PaymentState, RefundState
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.web.exports import FileQuery
from shared.web.inputs import CustomerId, Method, Moment, Reference, Sku, Text, Word
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
    updated_from: Annotated[Moment | None, Field(alias="updated_at.gte")] = None
    updated_before: Annotated[Moment | None, Field(alias="updated_at.lt")] = None
    number: Annotated[Word | None, Field(description="Only the order with this number")] = None
    external_ref: Annotated[Reference | None, Field(description="Only the order with this id in the other system")] = None
    sku: Annotated[Sku | None, Field(description="Only orders with a line of this SKU")] = None
    country: Annotated[CountryCode | None, Field(description="Of the shipping address, ISO 3166-1 alpha-2")] = None
    carrier: Annotated[Word | None, Field(description="Of a parcel, in upper or lower case")] = None
    tracking_number: Annotated[Word | None, Field(description="Of a parcel")] = None
    payment_method: Annotated[Method | None, Field(description="Intended, or of a recorded payment; in any case")] = None
    payment_reference: Annotated[Reference | None, Field(description="Of a recorded payment")] = None
    fulfilment: Annotated[list[Fulfilment], Field(description="How the order reaches its customer")] = []
    tag: Annotated[Tag | None, Field(description="Only orders with this tag; customers see no tags, and find none")] = None
    q: Annotated[
        str | None,
        Text(200, min_characters=1),
        Field(
            description="A number, external_ref, e-mail, phone, tracking number, payment reference or SKU in full, or the beginning of the "
            "buyer's or recipient's name: every order that has it as any of them"
        ),
    ] = None


class PageQuery(OrderFilter):
    """The filter, the order, and which page."""

    sort: Annotated[
        Literal["-placed_at", "updated_at"],
        Field(description="Newest first, or as they changed: to keep a copy, ask from 60 s before the newest updated_at that was seen"),
    ] = "-placed_at"
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor = None


class ExportQuery(OrderFilter, FileQuery):
    """The filter, the file format, and for a CSV its columns, rows and times."""

    columns: Annotated[
        list[Word],
        Field(max_length=100, description="Of a CSV, in this order: see the service's README; a refusal lists them too"),
    ] = []
    rows: Annotated[Literal["orders", "lines"], Field(description="Of a CSV: one per order, or one per line of an order")] = "orders"
    time: Annotated[Literal["utc", "local"], Field(description="Of a CSV: times in UTC, or in the store's time zone with its offset")] = (
        "utc"
    )
