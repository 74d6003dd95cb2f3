"""Request bodies that change an order."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, field_validator, model_validator

from services.orders.requests.history import ExternalDocuments
from services.orders.requests.parcels import TrackingEdit, TrackingInput
from services.orders.requests.placing import MAX_QUANTITY, Options, Personalisation, PrepaidInput, Strictness, Tags, TaxNumbers
from services.orders.requests.words import Amount, Code, CountryCode, Email, Message, PositiveAmount, Rate, Reason, ShortText, Whole, kept
from shared.contracts.events import MAX_LINE_NUMBER, MAX_ORDER_LINES, Address, ClosingKind, ClosingReason
from shared.contracts.lifecycle import Step
from shared.web.inputs import CustomerId, Day, Fact, Input, Method, Name, Text, Word, example

T = TypeVar("T")


class Transition(Input):
    """A step forward, with a message for the customer."""

    model_config = example({"to": "shipped", "message": "On its way", "tracking": {"carrier": "Pathao", "number": "PX-1029"}})

    to: Step
    message: Message = ""
    tracking: TrackingInput | None = None
    occurred_at: Fact | None = None


class DeliveryFailure(Input):
    """A delivery that was refused or failed; `reported_by` names who reported it (a rider, the carrier)."""

    model_config = example({"reason": "nobody at home", "reported_by": "rider 17"})

    reason: Reason
    reported_by: Name = Field(default="", description="Defaults to the caller")
    message: Message = ""
    occurred_at: Fact | None = None


class RecordPayment(PrepaidInput):
    """Money that was collected. (order, method, reference) is unique: repeating it returns the same record."""

    model_config = example({"amount": 11000, "method": "cod", "reference": "receipt-4711", "collected_by": "rider 17"})

    courier_charge: Amount | None = Field(
        default=None, description="What the courier keeps of it; it counts nowhere: `amount` is what the customer paid"
    )


class ReversePayment(Input):
    """Corrects a recorded payment with a record of the opposite amount: all that still stands of it, or the `amount`."""

    model_config = example({"reason": "charged back", "amount": 4000})

    reason: Reason
    amount: PositiveAmount | None = Field(default=None, description="At most what still stands of the payment; absent: all of that")
    occurred_at: Fact | None = None


class CloseDifference(Input):
    """A difference that the shop lets be: `written_off` is not asked for any more, `kept` not paid back. The note is for the shop alone."""

    model_config = example({"kind": "written_off", "amount": 3, "reason": "rounding"})

    kind: ClosingKind
    amount: PositiveAmount
    reason: ClosingReason
    note: Annotated[str, Text(500)] = ""


class CancelRequest(Input):
    """A cancellation is a record: the reason stays with the order, the message is for its customer."""

    model_config = example({"reason": "ordered twice", "message": "We cancelled your second order."})

    reason: Reason
    message: Message = ""


LineNumber = Annotated[int, Field(ge=1, le=MAX_LINE_NUMBER)]


class CancelledLine(Input):
    """Units of one line that never leave; `release_stock: false` where they are not there."""

    line: LineNumber
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    release_stock: bool = True


class PartCancelRequest(Input):
    """Units that are cancelled while the rest of the order goes on."""

    model_config = example({"lines": [{"line": 1, "quantity": 1, "release_stock": False}], "reason": "not on the shelf"})

    lines: Annotated[list[CancelledLine], Field(min_length=1, max_length=MAX_ORDER_LINES)]
    reason: Reason
    message: Message = ""
    shipping: Literal["policy", "keep", "refund"] = Field(
        default="policy", description="Whether the units' share of the shipping is credited; `policy`: as the store's refund policy says"
    )


OF_BUYER = ("company", "tax_numbers", "buyer_reference")
"""The buyer's fields that the invoice prints."""
REMOVABLE = ("shipping_method", "payment_method", "supplied_on", "payment_due_on", "place_of_supply")
"""Fields that null removes."""


class ContactEdit(Input):
    """The contact; omitted fields stay unchanged, null removes one. The last three can be corrected only before confirmation."""

    name: Name | None = None
    email: Email | None = None
    phone: Name | None = None
    company: Name | None = None
    tax_numbers: TaxNumbers | None = None
    buyer_reference: ShortText | None = None

    def given(self) -> dict[str, str]:
        """The texts that the caller wants changed; what is removed is empty."""
        return {name: getattr(self, name) or "" for name in self.model_fields_set if name != "tax_numbers"}


class AddressEdit(Input):
    """An address; omitted parts stay unchanged, null removes one."""

    country_code: CountryCode | None = None
    name: Name | None = None
    company_name: Name | None = None
    street_address: Message | None = None
    city: Name | None = None
    city_area: Name | None = None
    country_area: Name | None = None
    postal_code: Name | None = None
    sorting_code: Name | None = None
    phone: Name | None = None

    @field_validator("country_code")
    @classmethod
    def _stays(cls, value: str | None) -> str:
        return kept(value, "an address always has a country_code: send another one, or leave it out")

    def of(self, address: Address | None) -> Address:
        """`address` with these parts changed."""
        return Address(**({"country_code": ""} | (address.model_dump() if address else {}) | given(self)))


class LineEdit(Input):
    """What the invoice says of a line beside its figures; omitted fields stay unchanged, null removes one."""

    line: LineNumber
    options: Options | None = None
    personalisation: Personalisation | None = None
    tax_rate: Rate | None = None
    tax_code: Code | None = None
    commodity_code: Code | None = None

    def printed(self) -> dict[str, Any]:
        """What the caller wants changed, but the personal part, as it is stored."""
        said = {name: getattr(self, name) for name in self.model_fields_set - {"line", "options", "personalisation"}}
        return said | ({"options": tuple(one.parts() for one in self.options or ())} if "options" in self.model_fields_set else {})


class ShippingEdit(Input):
    """The tax of shipping; an omitted field stays unchanged, null removes one. Amounts are amended."""

    tax_rate: Rate | None = None
    tax_code: Code | None = None

    def printed(self) -> dict[str, str | None]:
        """What the caller wants changed, by the order's names."""
        return {f"shipping_{name}": getattr(self, name) for name in self.model_fields_set}


def given(edit: Input) -> dict[str, str]:
    """The fields that a caller sent; null is the empty text."""
    return {name: getattr(edit, name) or "" for name in edit.model_fields_set}


class EditOrder(Input):
    """A correction with its reason (JSON merge patch, RFC 7396): omitted fields stay unchanged, null removes an optional part.

    A null billing address is the shipping address again. `accept_addresses` accepts what is listed in `address_problems` as it is, and
    `accept_oversold` that the order took what was not there; neither needs a reason.
    """

    model_config = example({"reason": "typo", "customer": {"name": "Rahima Begum", "phone": "+8801712345678"}})

    reason: Annotated[str, Text(500)] = ""
    message: Message = ""
    customer: ContactEdit | None = None
    shipping_address: AddressEdit | None = None
    billing_address: AddressEdit | None = None
    tracking: TrackingEdit | None = None
    accept_addresses: bool = False
    accept_oversold: bool = False
    validation: Strictness = None
    shipping_method: ShortText | None = None
    payment_method: Method | None = None
    supplied_on: Day | None = None
    payment_due_on: Day | None = None
    place_of_supply: ShortText | None = None
    lines: Annotated[list[LineEdit], Field(min_length=1, max_length=MAX_ORDER_LINES)] | None = None
    shipping: ShippingEdit | None = None
    customer_note: Message | None = None
    tags: Tags | None = None
    metadata: Annotated[dict[Word, Message | Whole | bool | None], Field(description="Merged: null removes a key")] | None = None
    documents: Annotated[ExternalDocuments, Field(description="For the platform: what other systems issued; added")] | None = None

    @field_validator("customer", "shipping_address", "lines", "shipping", "documents")
    @classmethod
    def _stays(cls, value: T) -> T:
        if value is None:
            raise ValueError("it cannot be removed: send what should be different in it, or leave it out")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> "EditOrder":
        if not self.parts() and not self.accept_addresses and not self.accept_oversold:
            raise ValueError("give at least one part to correct, or accept_addresses or accept_oversold")
        if self.parts() and not self.reason:
            raise ValueError("give the reason of the correction")
        return self

    def parts(self) -> list[str]:
        """Names of the parts that the caller wants corrected."""
        buyer, own = self.customer, ("reason", "message", "customer", "accept_addresses", "accept_oversold", "validation")
        parts = [part for part in OF_BUYER if buyer is not None and part in buyer.model_fields_set]
        if buyer is not None and (buyer.model_fields_set - {*OF_BUYER} or not parts):
            parts.append("customer")
        return parts + [part for part in type(self).model_fields if part in self.model_fields_set and part not in own]


class HandOver(Input):
    """Whose order it is from now on."""

    model_config = example({"customer_id": "c-9", "reason": "made an account"})

    customer_id: CustomerId
    reason: Reason


class GuestLink(Input):
    """How long a guest may read the order."""

    model_config = example({})

    days: Annotated[int | None, Field(ge=1, le=3_660, description="30 by default, or the installation's maximum if that is less")] = None
