"""Texts, figures and dates in the words, digits and order of a language; and texts made harmless. Pure."""

import re
from datetime import date, datetime
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import get_currency_symbol

from services.documents.rendering.catalogues import catalogue, digits
from shared.contracts.money import exponent

MAX_PRINTED_CHARACTERS = 2_000  # of one text; orders and settings allow less, so only malformed events are ever cut, ending in "…"
# Control characters and the marks that reorder text (overrides, embeddings, isolates) are shown as replacement characters, never
# obeyed. The joiners U+200C and U+200D stay: Bengali spelling needs them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_SPACES = re.compile("[\t\n]+")


def printable(text: str) -> str:
    """`text` on one line; unprintable characters become the replacement character. Templates break words by the room that there is."""
    if len(text) > MAX_PRINTED_CHARACTERS:
        text = text[:MAX_PRINTED_CHARACTERS] + "…"
    return _UNPRINTABLE.sub("�", _SPACES.sub(" ", text.replace("\r\n", "\n"))).strip()


def paragraphs(text: str) -> list[str]:
    """The non-empty lines of `text`."""
    return [line for line in map(printable, text.replace("\r\n", "\n").split("\n")) if line]


def amount(minor: int, currency: str, language: str) -> str:
    """Minor units formatted as a number in the language: 12345678 BDT in Bengali is ১,২৩,৪৫৬.৭৮."""
    places = exponent(currency)
    whole, fraction = divmod(abs(minor), 10**places)
    text = _grouped(str(whole), catalogue(language).groups) + (f".{fraction:0{places}}" if places else "")
    return digits(("−" if minor < 0 else "") + text, language)


def money(minor: int, currency: str, language: str) -> str:
    """An amount with its currency's symbol."""
    return f"{_symbol(currency, catalogue(language).locale)}\u00a0{amount(minor, currency, language)}"


def day(value: date, language: str) -> str:
    """A date in words: 22 November 2026."""
    return digits(_long_date(value, catalogue(language).locale), language)


def moment(at: datetime, language: str) -> str:
    """A date and the time of day: 22 November 2026, 18:05."""
    return f"{day(at.date(), language)}, {digits(at.strftime('%H:%M'), language)}"


def percent(rate: str, language: str) -> str:
    """A rate in per cent: 7.5 %."""
    return digits(f"{rate}\u00a0%", language)


def count(number: int, language: str) -> str:
    """A number of units."""
    return digits(_grouped(str(number), catalogue(language).groups), language)


def _grouped(whole: str, groups: tuple[int, ...]) -> str:
    """Digits in groups from the right; the last size repeats."""
    parts, sizes = [], list(groups)
    while len(whole) > sizes[0]:
        parts.append(whole[-sizes[0] :])
        whole = whole[: -sizes[0]]
        sizes = sizes[1:] or sizes
    return ",".join([whole, *reversed(parts)])


@lru_cache(maxsize=1024)
def country(code: str, locale: str) -> str:
    """A country's name."""
    return str(Locale.parse(locale).territories.get(code, code))


@lru_cache(maxsize=1024)
def _symbol(currency: str, locale: str) -> str:
    return get_currency_symbol(currency, locale=locale)


@lru_cache(maxsize=1024)
def _long_date(value: date, locale: str) -> str:
    return format_date(value, "long", locale=locale)
