"""Field types of this service's requests, in addition to those that all services share (shared/web/inputs.py)."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.web.inputs import Composed, Text

MAX_NUMBER_CHARACTERS = 40

LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE)


def canonical(value: str) -> str:
    """A language tag as BCP 47 writes it: bn_BD is bn-BD, zh_hant_tw is zh-Hant-TW. Raises ValueError."""
    tag = re.split("[.@]", value.strip())[0].replace("_", "-")  # en_US.UTF-8 and de_DE@euro are names of locales
    if len(value) > 35 or not LANGUAGE.fullmatch(tag):
        raise ValueError("a language is a BCP 47 tag such as en, bn-BD or zh-Hant-TW")
    first, *others = tag.lower().split("-")
    extended = False
    parts = [first]
    for part in others:
        extended = extended or len(part) == 1  # what follows a single letter is neither a script nor a region
        parts.append(part if extended or not part.isalpha() else {2: part.upper(), 4: part.title()}.get(len(part), part))
    return "-".join(parts)


def _printable(value: str) -> str:
    if any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in value):
        raise ValueError(f"a number has 1 to {MAX_NUMBER_CHARACTERS} printable characters")
    return value


def _country(value: Any) -> Any:
    """In capital letters; UK, which many platforms send, is GB."""
    if not isinstance(value, str):
        return value
    code = value.strip().upper()
    return "GB" if code == "UK" else code


def kept(value: str | None, sentence: str) -> str:
    """A value that may be absent in a merge patch, but not null. Raises ValueError with `sentence`."""
    if value is None:
        raise ValueError(sentence)
    return value


Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
PositiveAmount = Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR_UNITS, description="Minor units of the order's currency")]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Message = Annotated[str, Composed, Text(2_000)]
Reason = Annotated[str, Text(500, min_characters=1)]
Language = Annotated[str, AfterValidator(canonical), Field(description="BCP 47; bn_BD is kept as bn-BD")]
OrderNumber = Annotated[str, Text(MAX_NUMBER_CHARACTERS, min_characters=1), AfterValidator(_printable)]
Email = Annotated[str, Text(320), Field(description="Empty means none; checked as `validation` says")]
CountryCode = Annotated[
    str, BeforeValidator(_country), StringConstraints(pattern=r"^[A-Z]{2}$"), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$"})
]
ShortText = Annotated[str, Composed, Text(100)]
"""A short fact as it is printed; may be empty."""
Code = Annotated[str, Composed, Text(20, min_characters=1)]
Rate = Annotated[str, StringConstraints(pattern=r"^(100|[0-9]{1,2})(\.[0-9]{1,4})?$"), Field(description="Per cent, such as 7.5")]
Tag = Annotated[str, Composed, Text(128, min_characters=1)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00]{1,1990}$")]
