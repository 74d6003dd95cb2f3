"""The queries of lists."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.refunds.queries.refunds import Filter
from services.refunds.rules.decisions import Status
from services.refunds.rules.settlement import Settlement
from services.refunds.schemas.views import Cause
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.ids import OrderId, uuid_of
from shared.contracts.times import Instant
from shared.web.pages import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor


class RefundFilter(BaseModel):
    """Which refunds; unknown parameters are refused, so that a typo does not show everything."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    settlement: Settlement | None = None
    cause: Cause | None = None
    order_id: OrderId | None = None
    order_number: Annotated[str | None, Field(max_length=64)] = None
    customer_id: Annotated[str | None, Field(max_length=128)] = None
    requested_from: Instant | None = None
    requested_to: Instant | None = Field(default=None, description="Before this instant")
    overdue: bool = Field(default=False, description="Only open ones that should have been decided by now")
    q: Annotated[str | None, Field(max_length=128, description="An order number, a customer's id, or the beginning of a number")] = None

    def filter(self, now: datetime) -> Filter:
        """For the query."""
        same = ("status", "settlement", "cause", "order_id", "order_number", "customer_id", "requested_from", "requested_to")
        return Filter(**{name: getattr(self, name) for name in same}, overdue_at=now if self.overdue else None, search=self.q)


class RefundList(RefundFilter):
    """A page of them."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str | None, Field(max_length=512)] = None


class RefundExport(RefundFilter):
    """All of them, as a file."""

    format: Literal["csv", "jsonl"] = "csv"


def place(cursor: str | None, prefix: str) -> tuple[datetime, str] | None:
    """Where a page of a list by (time, id) goes on. Raises Invalid `bad_cursor`."""
    if cursor is None:
        return None
    at, public_id = decode_cursor(cursor, (datetime, str))
    try:
        uuid_of(prefix, public_id)
    except ValueError as error:
        fields = (FieldError("?cursor", "bad_cursor", "Take it from next_cursor, or leave it out."),)
        raise Invalid("bad_cursor", "The cursor is not one of this list.", errors=fields) from error
    return at, public_id
