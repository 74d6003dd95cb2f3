"""Query parameters of figures."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.web.inputs import Moment

By = Literal["hour", "day"]
Currency = Annotated[str | None, Field(pattern="^[A-Z]{3}$")]


class FiguresQuery(BaseModel):
    """From when to when, by the hour or by the day of the store's time zone."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)

    at_from: Annotated[Moment, Field(alias="at.gte", description="On a quarter of an hour; other times are refused")]
    at_before: Annotated[Moment, Field(alias="at.lt", description="At most 32 days later by the hour, 367 by the day")]
    by: Annotated[By, Field(description="Sums of each hour, or of each day, in the store's time zone")] = "day"
    currency: Currency = None
