"""Names and codes of places, compared as people write them: without regard to case, accents, punctuation and words such as "County"."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.contracts.errors import Choice

MAX_CHOICES = 100

_LETTERS = str.maketrans({"đ": "d", "ø": "o", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "臺": "台"})
"""Letters that Unicode does not decompose into a base letter and an accent."""

_KINDS = frozenset(
    ("city", "co", "county", "department", "diqu", "district", "do", "governorate", "krai", "kray", "oblast", "prefecture", "province",
     "qu", "sheng", "shi", "state", "xian")
)  # fmt: skip
"""Words that say what kind of place it is; people leave them out."""

_KINDS_IN_CHINESE = "省市都府県縣县"


@dataclass(frozen=True, slots=True)
class Place:
    """A known place: its key in the data, the names by which the data knows it, and its codes, without their country."""

    key: str
    names: tuple[str, ...]
    codes: tuple[str, ...] = ()

    def choice(self, country: str) -> Choice:
        """As shown to a caller: in Latin letters if the data has such a name."""
        name = next((one for one in reversed(self.names) if _latin(one)), self.names[0])
        return Choice(name, f"{country}-{self.codes[0]}" if self.codes else None)


@dataclass(slots=True)
class Places:
    """The places of one level, found by any name or code. A text that fits several places is known, but is none of them (None)."""

    country: str
    choices: tuple[Choice, ...] = ()
    names: dict[str, str | None] = field(default_factory=dict)
    short: dict[str, str | None] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, country: str, places: Iterable[Place]) -> "Places":
        """All of these places of a country."""
        known = list(places)
        made = cls(country, tuple(place.choice(country) for place in known[:MAX_CHOICES]))
        for place in known:
            for name in place.names:
                made.names.setdefault(folded(name), place.key)
                short = shortened(folded(name))
                made.short[short] = place.key if made.short.get(short, place.key) == place.key else None
        for place in known:
            for code in place.codes:
                made.codes.setdefault(_code(code), place.key)
        return made

    def __bool__(self) -> bool:
        return bool(self.names)

    def __contains__(self, text: str) -> bool:
        name = folded(text)
        return name in self.names or shortened(name) in self.short or self.by_code(text) is not None

    def key(self, text: str) -> str | None:
        """The key of the place that `text` names; None if it names none or several."""
        name = folded(text)
        for known, said in ((self.names, name), (self.short, shortened(name))):
            if said in known:
                return known[said]
        return self.by_code(text)

    def by_code(self, text: str) -> str | None:
        """The key of the place with this code, if `text` is no name: MH, IN-MH, JP13 and JP-13 are codes.

        CN-31 is ISO's 31, while CN31 is first of all WooCommerce's.
        """
        name = folded(text)
        if name in self.names:
            return None
        country = self.country.lower()
        code = name.removeprefix(f"{country} ").replace(" ", "")
        return self.codes.get(_code(code)) or self.codes.get(_code(code.removeprefix(country)))


def _latin(name: str) -> bool:
    return all(unicodedata.name(letter, "").startswith("LATIN") for letter in name if letter.isalpha())


def folded(text: str) -> str:
    """`text` in a form that is the same for all spellings of a name: SÃO PAULO and Sao Paulo, Co. Cork and co cork."""
    letters = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    plain = unicodedata.normalize("NFC", "".join(one for one in letters if not unicodedata.combining(one)))
    return " ".join(re.findall(r"[^\W_]+", re.sub("['’`]", "", plain)))


def shortened(name: str) -> str:
    """A folded name without the kind of its place, unless nothing else is left: shanghai shi, 上海市."""
    words = [word for word in name.split() if word not in _KINDS and not word.endswith("zizhiqu")] or name.split()
    short = " ".join(words)
    return short[:-1] if len(short) > 2 and short[-1] in _KINDS_IN_CHINESE else short


def _code(text: str) -> str:
    """JP-1 is JP-01."""
    return text.casefold().lstrip("0") or text
