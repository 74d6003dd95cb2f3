"""The words, digits and fonts of each language. A new language needs one more JSON file here, and its font in `fonts/`."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent


class Catalogue(BaseModel):
    """One language: how it is written, and its word for each label."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    locale: str  # Babel's name; supplies month names and currency symbols
    direction: str
    fonts: tuple[str, ...]
    scale: float  # of the type size: a script whose letters look smaller at the same size is set larger
    digits: str
    groups: tuple[int, ...]  # sizes of digit groups from the right; the last repeats: (3, 2) is 12,34,567
    group: str  # between them
    decimal: str  # before the fraction
    money: str  # an amount with its currency: {symbol}, {amount}
    label: dict[str, str]
    method: dict[str, str]  # payment methods by code; unknown codes are printed unchanged

    def said(self, own: Mapping[str, str]) -> "Catalogue":
        """The same language with a store's own words for some labels."""
        return self.model_copy(update={"label": {**self.label, **own}}) if own else self


@lru_cache(maxsize=16)
def catalogue(language: str) -> Catalogue:
    """The catalogue of a supported language."""
    return Catalogue.model_validate_json((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def languages() -> list[str]:
    """Every language that has a catalogue."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def digits(text: str, language: str) -> str:
    """`text` with its ASCII digits replaced by the language's own."""
    own = catalogue(language).digits
    return text.translate({ord("0") + value: own[value] for value in range(10)})
