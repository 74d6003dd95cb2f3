"""Request bodies with which a platform or staff place orders. Money is integer minor units of the order's one `currency`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from services.orders.requests.history import HistoryInput
from services.orders.requests.words import (
    Amount,
    Code,
    CountryCode,
    Email,
    Language,
    Link,
    Message,
    OrderNumber,
    PositiveAmount,
    Rate,
    ShortText,
    Tag,
    Whole,
)
from shared.contracts.events import MAX_ORDER_LINES, Address, Fulfilment, Option, TaxRegistration
from shared.contracts.money import exponent
from shared.web.inputs import CustomerId, Day, Fact, Input, Method, Name, Reference, Sku, Text, Word, example

MAX_BATCH_ORDERS = 1_000
MAX_QUANTITY = 1_000_000
MAX_METADATA_ENTRIES = 50
MAX_PREPAID = 20
MAX_TAX_NUMBERS = 5
MAX_TAGS = 50
MAX_COUPONS = 20
MAX_OPTIONS = 20


Strictness = Annotated[
    Literal["strict", "warn"] | None,
    Field(
        description="`strict` refuses a contact or address that its country does not know; `warn` keeps it and lists what is wrong in "
        "`address_problems`. Default: `warn` for the platform, `strict` for staff."
    ),
]

EXAMPLE = {
    "currency": "BDT",
    "customer": {"id": "c-1", "name": "Rahima Begum"},
    "shipping_address": {
        "country_code": "BD",
        "name": "Rahima Begum",
        "street_address": "House 1, Road 2",
        "city": "Dhaka",
        "postal_code": "1205",
    },
    "lines": [{"sku": "TEE-1", "name": "T-shirt", "quantity": 2, "unit_price": 5000}],
    "shipping": {"amount": 1000},
}


class AddressInput(Input):
    """A postal address; which parts are required depends on the country."""

    country_code: CountryCode
    name: Name = ""
    company_name: Name = ""
    street_address: Message = ""
    city: Name = ""
    city_area: Name = ""
    country_area: Name = ""
    postal_code: Name = ""
    sorting_code: Name = ""
    phone: Name = ""

    def parts(self) -> Address:
        """As stored in events and columns."""
        return Address(**self.model_dump())


class TaxRegistrationInput(Input):
    """A registration of the buyer's company. `scheme` is its code in UNTDID 1153, such as `VA` for a VAT number."""

    label: Annotated[str, Text(60, min_characters=1)]
    number: Annotated[str, Text(60, min_characters=1)]
    scheme: Code | None = None

    def parts(self) -> TaxRegistration:
        """As stored in events and columns."""
        return TaxRegistration(**self.model_dump())


TaxNumbers = Annotated[list[TaxRegistrationInput], Field(max_length=MAX_TAX_NUMBERS)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]


class OptionInput(Input):
    """A choice that tells variants of an article apart."""

    name: Annotated[str, Text(60, min_characters=1)]
    value: Annotated[str, Text(200, min_characters=1)]

    def parts(self) -> Option:
        """As stored in events and columns."""
        return Option(**self.model_dump())


Options = Annotated[list[OptionInput], Field(max_length=MAX_OPTIONS, description="Printed under the name: size, colour")]
Personalisation = Annotated[str, Text(500), Field(description="Printed on the packing slip only: an engraving")]
ImageUrl = Annotated[Link, StringConstraints(max_length=500)]
CouponCodes = Annotated[list[Word], Field(max_length=MAX_COUPONS)]


class CustomerInput(Input):
    """The buyer: `id` is the caller's own id for the customer, and the `sub` of the customer's tokens."""

    id: CustomerId
    name: Name = ""
    email: Email | None = None
    phone: Name = ""
    company: Name = ""
    tax_numbers: TaxNumbers = Field(default_factory=list)
    buyer_reference: ShortText = ""


class LineInput(Input):
    """One line. Give `unit_price`, or `subtotal`, or only `total`; any other figures must agree with it.

    `total` is what the customer pays for the line: after its own discount and its share of the order's discount, with tax.
    """

    sku: Sku
    name: Name
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    unit_price: Amount | None = None
    subtotal: Amount | None = None
    discount: Amount = 0
    tax: Amount | None = None
    total: Amount | None = None
    options: Options = Field(default_factory=list)
    personalisation: Personalisation = ""
    product_id: ShortText | None = None
    image_url: ImageUrl | None = None
    tax_rate: Rate | None = None
    tax_code: Code | None = None
    commodity_code: Annotated[Code, Field(description="HS, HSN or CN code")] | None = None


class ShippingInput(Input):
    """The cost of shipping. `total` is after its discount, with its tax."""

    amount: Amount = 0
    discount: Amount = 0
    tax: Amount | None = None
    total: Amount | None = None
    tax_rate: Rate | None = None
    tax_code: Code | None = None


class PrepaidInput(Input):
    """Money collected before or when the order was placed."""

    amount: PositiveAmount
    method: Method
    reference: Reference
    collected_by: Name | None = None
    occurred_at: Fact | None = None


class PlaceOrder(Input):
    """An order as it left the checkout."""

    model_config = example(EXAMPLE)

    currency: str
    customer: CustomerInput
    fulfilment: Fulfilment = Field(default="shipping", description="`pickup`: handed over in the shop; `digital`: only made available")
    shipping_address: AddressInput | None = Field(default=None, description="Required for an order that is shipped")
    billing_address: AddressInput | None = Field(default=None, description="Defaults to the shipping address")
    lines: Annotated[list[LineInput], Field(min_length=1, max_length=MAX_ORDER_LINES)]
    shipping: ShippingInput = ShippingInput()
    discount: Amount = Field(default=0, description="The order's own discount, spread over its lines")
    tax: Amount | None = Field(default=None, description="Tax of the whole order; spread over lines and shipping if they give none")
    prices_include_tax: bool = True
    total: Amount | None = None
    language: Language = "en"
    number: OrderNumber | None = Field(default=None, description="The platform's own number or name; defaults to the store's next one")
    external_ref: Word | None = None
    metadata: Annotated[dict[Word, Message | Whole | bool], Field(max_length=MAX_METADATA_ENTRIES)] = Field(default_factory=dict)
    payments: Annotated[list[PrepaidInput], Field(max_length=MAX_PREPAID)] = Field(default_factory=list)
    placed_at: Fact | None = None
    validation: Strictness = None
    shipping_method: ShortText | None = None
    payment_method: Method | None = Field(default=None, description="How the customer means to pay; what is paid stands in the payments")
    coupon_codes: CouponCodes = Field(default_factory=list)
    customer_note: Message = ""
    tags: Tags = Field(default_factory=list)
    supplied_on: Day | None = None
    payment_due_on: Day | None = None
    place_of_supply: ShortText | None = None
    history: HistoryInput | None = Field(default=None, description="For the platform: the order is of the past, and nothing happens now")

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        exponent(value)
        return value


class PlaceBatch(Input):
    """Up to 1,000 orders; each succeeds or fails on its own. Items are parsed one by one, so an invalid one fails alone too."""

    model_config = example({"orders": [EXAMPLE]})

    orders: Annotated[list[dict[str, object]], Field(min_length=1, max_length=MAX_BATCH_ORDERS)]
    validation: Strictness = None

    def items(self) -> list[dict[str, object]]:
        """The orders, each with the batch's `validation` unless it says its own."""
        return [{"validation": self.validation, **order} for order in self.orders] if self.validation else self.orders
