"""Query parameters of the journal."""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.web.exports import FileQuery
from shared.web.figures import Currency
from shared.web.inputs import Method, Moment, Name


class JournalQuery(FileQuery):
    """The filter, and the file format."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)

    occurred_from: Annotated[Moment | None, Field(alias="occurred_at.gte")] = None
    occurred_before: Annotated[Moment | None, Field(alias="occurred_at.lt")] = None
    currency: Currency = None
    method: Annotated[Method | None, Field(description="Of the payment, in any case")] = None
    collected_by: Annotated[Name | None, Field(description="Who collected it, such as a courier; in any case")] = None
