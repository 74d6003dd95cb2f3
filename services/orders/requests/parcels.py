"""What callers send of parcels: one that is added or corrected, and the tracking, which is that of the first."""

from typing import Annotated

from pydantic import Field, field_validator

from services.orders.requests.placing import MAX_QUANTITY
from services.orders.requests.words import Link, kept
from shared.contracts.events import MAX_LINE_NUMBER, MAX_ORDER_LINES
from shared.web.inputs import Fact, Input, Word, example


class ParcelLineInput(Input):
    """How many units of a line are in a parcel."""

    line: Annotated[int, Field(ge=1, le=MAX_LINE_NUMBER)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


ParcelLines = Annotated[
    list[ParcelLineInput], Field(max_length=MAX_ORDER_LINES, description="Without lines a parcel says nothing of its contents")
]


class TrackingInput(Input):
    """Where a parcel can be tracked. Without `url` a well-known carrier's own link is used."""

    carrier: Word
    number: Word
    url: Link | None = None
    lines: ParcelLines = Field(default_factory=list)


class ParcelInput(TrackingInput):
    """A parcel, what is in it, and when it left and arrived."""

    model_config = example({"carrier": "Pathao", "number": "PX-1029", "lines": [{"line": 1, "quantity": 1}]})

    shipped_at: Fact | None = None
    delivered_at: Fact | None = None


class TrackingEdit(Input):
    """Where a parcel can be tracked; omitted parts stay unchanged, a null url is removed."""

    carrier: Word | None = None
    number: Word | None = None
    url: Link | None = None

    @field_validator("carrier", "number")
    @classmethod
    def _stays(cls, value: str | None) -> str:
        return kept(value, "a parcel has a carrier and a number: send others, leave them out, or remove the parcel as a whole")


class ParcelEdit(TrackingEdit):
    """A correction of a parcel (JSON merge patch, RFC 7396): omitted parts stay unchanged, null removes one."""

    model_config = example({"number": "PX-1030", "shipped_at": "2026-01-31T09:30:00Z"})

    lines: ParcelLines | None = None
    shipped_at: Fact | None = None
    delivered_at: Fact | None = None
