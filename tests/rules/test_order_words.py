"""Words as people and platforms write them: languages, payment methods, order numbers, countries, composed letters."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from services.orders.requests.placing import AddressInput, CustomerInput, LineInput, PrepaidInput
from services.orders.requests.words import CountryCode, Language, OrderNumber
from shared.web.inputs import Method


def read(kind: Any, text: str) -> str | None:
    """What is kept of `text`; None if it is refused."""
    try:
        return str(TypeAdapter(kind).validate_python(text, strict=True))
    except ValidationError:
        return None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("en", "en"), ("EN", "en"), ("bn_BD", "bn-BD"), ("EN-us", "en-US"), ("zh_Hant_TW", "zh-Hant-TW"), ("ZH-HANT", "zh-Hant"),
        ("es-419", "es-419"), ("sr_latn_rs", "sr-Latn-RS"), ("de-DE-1996", "de-DE-1996"), ("en-a-bbb", "en-a-bbb"), ("fil", "fil"),
        ("en_US.UTF-8", "en-US"), ("de_DE@euro", "de-DE"), (" bn ", "bn"), ("ca-valencia", "ca-valencia"), ("en-x-US", "en-x-us"),
        ("", None), ("e", None), ("english", None), ("en--US", None), ("en-", None), ("b\u09a8", None), ("en-" + "a1-" * 20 + "b", None),
    ],
)  # fmt: skip
def test_a_language_is_kept_in_its_canonical_form(text: str, kept: str | None) -> None:
    assert read(Language, text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("cod", "cod"), ("COD", "cod"), ("Cod", "cod"), ("bKash", "bkash"), ("Cash on delivery", "cash_on_delivery"),
        ("cash-on-delivery", "cash_on_delivery"), ("CASH_ON_DELIVERY", "cash_on_delivery"), ("  Cash  on – delivery ", "cash_on_delivery"),
        ("Stripe (Card)", "stripe_card"), ("3D Secure", "3d_secure"), ("নগদ", "নগদ"), ("বিকাশ পেমেন্ট", "বিকাশ_পেমেন্ট"),
        ("Cafe\u0301", "café"), ("Café", "café"), ("x" * 40, "x" * 40),
        ("x" * 41, None), ("", None), ("  ", None), ("--", None), ("💵", None),
    ],
)  # fmt: skip
def test_a_payment_method_is_always_the_same_word(text: str, kept: str | None) -> None:
    assert read(Method, text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("#1001", "#1001"), ("Order 17", "Order 17"), ("S-২০২৬/১", "S-২০২৬/১"), (" 7 ", "7"), ("=1+1", "=1+1"), ("x" * 40, "x" * 40),
        ("№ 5 (B2B)", "№ 5 (B2B)"), ("x" * 41, None), ("", None), (" ", None),
        ("a\nb", None), ("a\tb", None), ("a\x7fb", None), ("a\u2028b", None),
    ],
)  # fmt: skip
def test_an_order_number_is_any_printable_text(text: str, kept: str | None) -> None:
    assert read(OrderNumber, text) == kept


@pytest.mark.parametrize(
    ("text", "kept"), [("BD", "BD"), ("bd", "BD"), ("UK", "GB"), ("uk", "GB"), ("GB", "GB"), ("BGD", None), ("", None)]
)
def test_a_country_code_is_read_in_any_case(text: str, kept: str | None) -> None:
    assert read(CountryCode, text) == kept


DECOMPOSED, COMPOSED = "Rene\u0301 A\u030angstro\u0308m \u1100\u1161", "René Ångström 가"


def test_names_and_texts_are_kept_composed_and_ids_as_they_came() -> None:
    customer = CustomerInput(id=DECOMPOSED, name=DECOMPOSED)
    assert (customer.id, customer.name) == (DECOMPOSED, COMPOSED)
    address = AddressInput(country_code="DE", name=DECOMPOSED, street_address=DECOMPOSED, city=DECOMPOSED)
    assert (address.name, address.street_address, address.city) == (COMPOSED, COMPOSED, COMPOSED)
    line = LineInput(sku=DECOMPOSED, name=DECOMPOSED, quantity=1)
    assert (line.sku, line.name) == (DECOMPOSED, COMPOSED)


def test_a_composed_name_counts_its_letters_after_composition() -> None:
    assert CustomerInput(id="c", name="e\u0301" * 200).name == "é" * 200
    with pytest.raises(ValidationError):
        CustomerInput(id="c", name="\u0958" * 200)  # composition makes two characters of each


def test_an_empty_email_is_none_given() -> None:
    assert CustomerInput(id="c", email="").email == ""
    assert PrepaidInput(amount=1, method="Bank transfer", reference="1").method == "bank_transfer"
