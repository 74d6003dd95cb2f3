"""Telephone numbers by the rules of their countries (Google's phone data)."""

from collections.abc import Iterable

import phonenumbers

MIN_DIGITS = 5


def read_phone(text: str, countries: Iterable[str]) -> str | None:
    """A telephone number in E.164, with its extension if it has one (`+8801712345678;ext=55`); None if it is no number.

    A number without a country's prefix is read as of the first of `countries` where there can be such a number.
    """
    return next((number for country in (*countries, None) if (number := _read(text, country)) is not None), None)


def _read(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + (
        f";ext={number.extension}" if number.extension else ""
    )


def could_be_phone(text: str) -> bool:
    """Whether a text has as many digits, of any script, as the shortest telephone number."""
    return sum(one.isdecimal() for one in text) >= MIN_DIGITS


def phones_as_searched(text: str, countries: Iterable[str]) -> tuple[str, ...]:
    """What a search text may be as a telephone number: as it was typed, as of each of these countries, and with a + before it.

    A + that a browser sent as a space is none. Extensions are left out: whoever calls from one may not say it.
    """
    numbers = (*(_read(text, country) for country in (*countries, None)), _read(f"+{text}", None))
    return tuple(dict.fromkeys((text, *(number.partition(";")[0] for number in numbers if number is not None))))
