"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Sequence
from datetime import date
from typing import NotRequired, TypedDict


class BilledAddressInput(TypedDict):
    """A billing address, printed as it is sent; a correction is the shop's own statement, so no country's rules are applied."""

    country_code: str
    """ISO 3166-1 alpha-2."""
    name: NotRequired[str]
    company_name: NotRequired[str]
    street_address: NotRequired[str]
    city: NotRequired[str]
    city_area: NotRequired[str]
    country_area: NotRequired[str]
    postal_code: NotRequired[str]
    sorting_code: NotRequired[str]
    phone: NotRequired[str]


class BuyerTaxNumberInput(TypedDict):
    """A registration of the buyer's company. `scheme` is its code in UNTDID 1153, such as `VA` for a VAT number."""

    label: str
    number: str
    scheme: NotRequired[str | None]


class CorrectionInput(TypedDict):
    """What an invoice should have said of its buyer. What is absent stays; lines and money are never corrected."""

    reason: str
    """For the shop; never printed."""
    billing_address: NotRequired[BilledAddressInput | None]
    company: NotRequired[str | None]
    tax_numbers: NotRequired[Sequence[BuyerTaxNumberInput] | None]
    buyer_reference: NotRequired[str | None]
    supplied_on: NotRequired[date | None]
