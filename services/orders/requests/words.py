"""The small types that requests are made of: each a limit with a name."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("the character U+0000 cannot be stored")
    return value


_stored = AfterValidator(_without_nul)

Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
PositiveAmount = Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _stored]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), _stored]
Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _stored]
Method = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _stored]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000), _stored]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _stored]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00]{1,1990}$")]
