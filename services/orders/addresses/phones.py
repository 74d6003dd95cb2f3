"""Telephone numbers by the rules of their countries (Google's phone data)."""

import phonenumbers

from shared.contracts.errors import Invalid


def checked_phone(phone: str, country_code: str, pointer: str) -> str:
    """A phone number in E.164 (`+8801712345678`), parsed as a number of `country_code` unless it has its own prefix; empty stays empty.

    Raises Invalid `bad_phone`.
    """
    if not phone:
        return ""
    try:
        number = phonenumbers.parse(phone, country_code)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        message = f"Send a telephone number of {country_code}, or one that starts with + and a country code."
        raise Invalid("bad_phone", message, at=pointer)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_or_none(text: str) -> str | None:
    """For a search: `text` in E.164 if it is a telephone number with its country code, else None."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
