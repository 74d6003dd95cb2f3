"""Types of what callers send, shared by all services: one for each kind of text and time, with each limit in one place.

U+0000 never gets here: it is refused in every part of a call before that.
"""

import unicodedata
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from shared.contracts.actor import MAX_ID_CHARACTERS, is_name
from shared.contracts.times import read_day, read_time, within

MAX_METHOD_CHARACTERS = 40


class Input(BaseModel):
    """A request body: exact types and no unknown fields, so that a typo is an error and not silently ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def example(body: dict[str, Any]) -> ConfigDict:
    """The `model_config` of an Input whose OpenAPI schema shows an example body."""
    return ConfigDict(json_schema_extra={"examples": [body]})


def Text(max_characters: int, *, min_characters: int = 0) -> StringConstraints:  # noqa: N802  (it reads like a type)
    """The limits of a text, in characters without surrounding white space. Set `min_characters` to 1 where an empty text is useless.

    Used as metadata: `message: Annotated[str, Text(2_000)]`.
    """
    return StringConstraints(strip_whitespace=True, min_length=min_characters, max_length=max_characters)


def _composed(value: Any) -> Any:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


Composed = BeforeValidator(_composed)
"""Metadata of a text that people read: the same letters are the same text, however they were composed (Unicode NFC)."""


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"a customer's id has 1 to {MAX_ID_CHARACTERS} characters, none of them a control character")
    return value


def _one_word(value: str) -> str:
    text = unicodedata.normalize("NFC", value.casefold())
    word = "_".join("".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in text).split())
    if not 0 < len(word) <= MAX_METHOD_CHARACTERS:
        raise ValueError(f"a payment method has letters or digits, such as cod or Bank transfer, and at most {MAX_METHOD_CHARACTERS}")
    return word


def _instant(value: Any) -> Any:
    """A time from its text. Strict models do not convert text themselves, and a bare number is not a time."""
    if isinstance(value, datetime):
        return within(value)
    if not isinstance(value, str):
        raise ValueError("a time must be RFC 3339 text with an offset, such as 2026-01-31T09:30:00Z")
    return read_time(value)


def _day(value: Any) -> Any:
    """A day from its text. Pydantic would read a bare number as seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("a day must be written as YYYY-MM-DD")
    return read_day(value)


_time = BeforeValidator(_instant)

Word = Annotated[str, Text(128, min_characters=1)]
"""A short text that identifies something: a caller's own reference, the name of a carrier, a key."""

Name = Annotated[str, Composed, Text(200)]
"""The name of a person or thing; may be empty."""

Reference = Annotated[str, Text(200, min_characters=1)]
"""The reference of a payment or settlement in another system."""

Method = Annotated[str, Text(200, min_characters=1), AfterValidator(_one_word), Field(description="In any case; kept as one word: cod")]
"""How money moves, as one word: its letters and digits, folded, with `_` between them, so that one method has one name.

Cash on delivery, cash-on-delivery and CASH_ON_DELIVERY are `cash_on_delivery`.
"""

Sku = Annotated[str, Text(100, min_characters=1)]
"""The shop's own id of an article."""

CustomerId = Annotated[str, Text(MAX_ID_CHARACTERS, min_characters=1), AfterValidator(_name)]
"""The shop's own id of a customer. The same rules apply as to the `sub` of a token."""

Fact = Annotated[datetime, _time, WithJsonSchema({"type": "string", "format": "date-time"})]
"""When something happened. The rule that uses it compares it with the clock: shared.contracts.times.happened_at."""

Plan = Annotated[datetime, _time, WithJsonSchema({"type": "string", "format": "date-time"})]
"""When something is to start to apply: before the year 2100."""

Moment = Annotated[datetime, _time, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A limit for filtering a list or an export: `<field>.gte` (inclusive) or `<field>.lt` (exclusive)."""

Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar day."""
