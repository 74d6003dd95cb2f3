"""The small types that requests are made of: each a limit with a name."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, TypeAdapter, WithJsonSchema

from shared.money import MAX_AMOUNT_MINOR_UNITS

_LAX_DATETIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


def _rfc3339(value: Any) -> Any:
    """Text to a time: strict mode leaves that to us, and a bare number is not a time."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError("a time is RFC 3339 text with an offset, such as 2026-01-31T09:30:00Z")
    return _LAX_DATETIME.validate_python(value)


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("the character U+0000 cannot be stored")
    return value


_stored = AfterValidator(_without_nul)

Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
PositiveAmount = Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _stored]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), _stored]
Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _stored]
Method = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _stored]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000), _stored]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _stored]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00]{1,1990}$")]
