"""Texts, figures and dates in the words, digits and order of a language; and texts made harmless. Pure."""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any

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
_ISOLATE, _END = "\u2066", "\u2069"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]")
_NUMBER_OR_LATIN = re.compile(r"\w")
_SETTINGS = frozenset(
    {"template", "language", "direction", "fonts", "digits", "paper", "page_label"}
)  # of a view: no texts that are printed


def printable(text: str) -> str:
    """`text` on one line; unprintable characters become the replacement character. Templates break words by the room that there is."""
    if len(text) > MAX_PRINTED_CHARACTERS:
        text = text[:MAX_PRINTED_CHARACTERS] + "…"
    return _UNPRINTABLE.sub("�", _SPACES.sub(" ", text.replace("\r\n", "\n"))).strip()


def isolated(part: Any) -> Any:
    """A view for a page from right to left, in which each text that has no letter of such a script is kept together from left to right.

    Otherwise `+880 31 555` would be printed as `555 31 880+`, and `−100.00` as `100.00−`.
    """
    if isinstance(part, str):
        return f"{_ISOLATE}{part}{_END}" if len(part) > 1 and not _RIGHT_TO_LEFT.search(part) and _NUMBER_OR_LATIN.search(part) else part
    if isinstance(part, dict):
        return {name: one if name in _SETTINGS else isolated(one) for name, one in part.items()}
    return [isolated(one) for one in part] if isinstance(part, list) else part


def paragraphs(text: str) -> list[str]:
    """The non-empty lines of `text`."""
    return [line for line in map(printable, text.replace("\r\n", "\n").split("\n")) if line]


def amount(minor: int, currency: str, language: str) -> str:
    """Minor units formatted as a number in the language: 12345678 BDT in Bengali is ১,২৩,৪৫৬.৭৮."""
    places = exponent(currency)
    whole, fraction = divmod(abs(minor), 10**places)
    text = _grouped(str(whole), language) + (f"{catalogue(language).decimal}{fraction:0{places}}" if places else "")
    return digits(("−" if minor < 0 else "") + text, language)


def money(minor: int, currency: str, language: str) -> str:
    """An amount with its currency's symbol."""
    words = catalogue(language)
    return words.money.format(symbol=_symbol(currency, words.locale), amount=amount(minor, currency, language))


def day(value: date, language: str) -> str:
    """A date in words: 22 November 2026."""
    return digits(_long_date(value, catalogue(language).locale), language)


def moment(at: datetime, language: str) -> str:
    """A date and the time of day: 22 November 2026, 18:05."""
    return f"{day(at.date(), language)}, {digits(at.strftime('%H:%M'), language)}"


def percent(rate: str, language: str) -> str:
    """A rate in per cent: 7.5 %."""
    return digits(f"{rate.replace('.', catalogue(language).decimal)}\u00a0%", language)


def count(number: int, language: str) -> str:
    """A number of units."""
    return digits(_grouped(str(number), language), language)


def _grouped(whole: str, language: str) -> str:
    """Digits in groups from the right; the last size repeats."""
    words = catalogue(language)
    parts, sizes = [], list(words.groups)
    while len(whole) > sizes[0]:
        parts.append(whole[-sizes[0] :])
        whole = whole[: -sizes[0]]
        sizes = sizes[1:] or sizes
    return words.group.join([whole, *reversed(parts)])


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
