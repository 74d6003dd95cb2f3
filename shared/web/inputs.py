"""What callers send, in types that all services share: one for each kind of word and of time, each limit in one place.

U+0000 never gets here: the front door refuses it in any part of a call.
"""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema

from shared.contracts.actor import MAX_ID_CHARACTERS, is_name
from shared.contracts.times import read_day, read_time, within


class Input(BaseModel):
    """A request body: exact types and no unknown fields, so that a typo is an error and not an ignored wish."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def example(body: dict[str, Any]) -> ConfigDict:
    """The `model_config` of an Input whose OpenAPI schema shows how a call looks."""
    return ConfigDict(json_schema_extra={"examples": [body]})


def Text(max_characters: int, *, min_characters: int = 0) -> StringConstraints:  # noqa: N802  (reads as the type that it makes)
    """The limits of a text, in characters without the white space around it; where an empty one says nothing, the fewest are 1.

    Used as metadata: `message: Annotated[str, Text(2_000)]`.
    """
    return StringConstraints(strip_whitespace=True, min_length=min_characters, max_length=max_characters)


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"an id of a customer has 1 to {MAX_ID_CHARACTERS} characters, none of them a control character")
    return value


def _instant(value: Any) -> Any:
    """A time from its text: strict models leave that to us, and a bare number is not a time."""
    if isinstance(value, datetime):
        return within(value)
    if not isinstance(value, str):
        raise ValueError("a time is RFC 3339 text with an offset, such as 2026-01-31T09:30:00Z")
    return read_time(value)


def _day(value: Any) -> Any:
    """A day from its text: a bare number would be taken for seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("a day is written as YYYY-MM-DD")
    return read_day(value)


_time = BeforeValidator(_instant)

Word = Annotated[str, Text(128, min_characters=1)]
"""A short text that something is known by: a caller's own reference, the name of a carrier, a key."""

Name = Annotated[str, Text(200)]
"""What somebody or something is called; may be empty."""

Reference = Annotated[str, Text(200, min_characters=1)]
"""What a payment or a settlement is known by elsewhere."""

Sku = Annotated[str, Text(100, min_characters=1)]
"""What the shop calls a thing that it sells."""

CustomerId = Annotated[str, Text(MAX_ID_CHARACTERS, min_characters=1), AfterValidator(_name)]
"""The shop's own id of a customer: whatever may be the `sub` of a token, and nothing else."""

Fact = Annotated[datetime, _time, WithJsonSchema({"type": "string", "format": "date-time"})]
"""When something happened. The rule that takes it holds it against the clock: shared.contracts.times.happened_at."""

Plan = Annotated[datetime, _time, WithJsonSchema({"type": "string", "format": "date-time"})]
"""From when something is to apply: before the year 2100."""

Moment = Annotated[datetime, _time, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A bound of a list or an export: `<field>.gte` (inclusive) or `<field>.lt` (exclusive)."""

Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar day."""
