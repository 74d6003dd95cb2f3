"""Request bodies that change an order."""

from typing import Annotated, Literal

from pydantic import EmailStr, Field, model_validator

from services.orders.requests.placing import AddressInput, PrepaidInput, Tags, TaxNumbers
from services.orders.requests.words import Link, Message, Method, Reason, ShortText, Whole
from shared.contracts.events import Tracking
from shared.contracts.ids import OrderId
from shared.contracts.lifecycle import Step
from shared.web.inputs import Day, Fact, Input, Name, Word, example

MAX_BULK_ORDERS = 500


class TrackingInput(Input):
    """Where the parcel can be tracked."""

    carrier: Word
    number: Word
    url: Link | None = None

    def parts(self) -> Tracking:
        """As stored in events and columns."""
        return Tracking(**self.model_dump())


class Transition(Input):
    """A step forward, with a message for the customer."""

    model_config = example({"to": "shipped", "message": "On its way", "tracking": {"carrier": "Pathao", "number": "PX-1029"}})

    to: Step
    message: Message = ""
    tracking: TrackingInput | None = None
    occurred_at: Fact | None = None


class BulkTransition(Input):
    """One step for many orders; each succeeds or fails on its own."""

    model_config = example({"order_ids": ["order_01jd3t0v5we1q9h6m7b3k2x4ya"], "to": "confirmed"})

    order_ids: Annotated[list[OrderId], Field(min_length=1, max_length=MAX_BULK_ORDERS)]
    to: Step
    message: Message = ""
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


class ReversePayment(Input):
    """Corrects a recorded payment with a record of the opposite amount."""

    model_config = example({"reason": "the cheque bounced"})

    reason: Reason
    occurred_at: Fact | None = None


class CancelRequest(Input):
    """A cancellation is a record: the reason stays with the order, the message is for its customer."""

    model_config = example({"reason": "ordered twice", "message": "We cancelled your second order."})

    reason: Reason
    message: Message = ""


OF_BUYER = ("company", "tax_numbers", "buyer_reference")
"""The buyer's fields that the invoice prints."""
REMOVABLE = ("shipping_method", "payment_method", "supplied_on", "payment_due_on", "place_of_supply")
"""Fields that null removes."""


class ContactEdit(Input):
    """The contact; omitted fields stay unchanged. The last three can be corrected only before the order is confirmed."""

    name: Name | None = None
    email: EmailStr | Literal[""] | None = None
    phone: Name | None = None
    company: Name | None = None
    tax_numbers: TaxNumbers | None = None
    buyer_reference: ShortText | None = None


class EditOrder(Input):
    """A correction with its reason (JSON merge patch): omitted fields stay unchanged."""

    model_config = example({"reason": "typo", "customer": {"name": "Rahima Begum", "phone": "+8801712345678"}})

    reason: Reason
    message: Message = ""
    customer: ContactEdit | None = None
    shipping_address: AddressInput | None = None
    billing_address: AddressInput | None = None
    tracking: TrackingInput | None = None
    shipping_method: ShortText | None = None
    payment_method: Method | None = None
    supplied_on: Day | None = None
    payment_due_on: Day | None = None
    place_of_supply: ShortText | None = None
    customer_note: Message | None = None
    tags: Tags | None = None
    metadata: Annotated[dict[Word, Message | Whole | bool | None], Field(description="Merged: null removes a key")] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "EditOrder":
        if not self.parts():
            raise ValueError("give at least one part to correct")
        return self

    def parts(self) -> list[str]:
        """Names of the parts that the caller wants corrected."""
        buyer, given = self.customer, self.model_fields_set
        parts = [part for part in OF_BUYER if buyer is not None and getattr(buyer, part) is not None]
        if buyer is not None and (buyer.model_fields_set - {*OF_BUYER} or not parts):
            parts.append("customer")
        own = [part for part in type(self).model_fields if part not in ("reason", "message", "customer")]
        return parts + [part for part in own if getattr(self, part) is not None or (part in REMOVABLE and part in given)]


class GuestLink(Input):
    """How long a guest may read the order."""

    model_config = example({})

    days: Annotated[int | None, Field(ge=1, le=3_660, description="30 by default, or the installation's maximum if that is less")] = None
