"""Field types of this service's requests, in addition to those that all services share (shared/web/inputs.py)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.web.inputs import Text

Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
PositiveAmount = Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Method = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Message = Annotated[str, Text(2_000)]
Reason = Annotated[str, Text(500, min_characters=1)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
ShortText = Annotated[str, Text(100)]
"""A short fact as it is printed; may be empty."""
Code = Annotated[str, Text(20, min_characters=1)]
Rate = Annotated[str, StringConstraints(pattern=r"^(100|[0-9]{1,2})(\.[0-9]{1,4})?$"), Field(description="Per cent, such as 7.5")]
Tag = Annotated[str, Text(128, min_characters=1)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00]{1,1990}$")]
