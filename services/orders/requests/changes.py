"""Request bodies that change an order."""

from typing import Annotated, Literal

from pydantic import EmailStr, Field, model_validator

from services.orders.requests.placing import AddressInput, PrepaidInput
from services.orders.requests.words import Link, Message, Reason
from shared.contracts.events import Tracking
from shared.contracts.lifecycle import Step
from shared.web.inputs import Fact, Input, Name, Word, example


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


class ContactEdit(Input):
    """The contact; omitted fields stay unchanged."""

    name: Name | None = None
    email: EmailStr | Literal[""] | None = None
    phone: Name | None = None


class EditOrder(Input):
    """A correction with its reason (JSON merge patch): omitted fields stay unchanged."""

    model_config = example({"reason": "typo", "customer": {"name": "Rahima Begum", "phone": "+8801712345678"}})

    reason: Reason
    message: Message = ""
    customer: ContactEdit | None = None
    shipping_address: AddressInput | None = None
    billing_address: AddressInput | None = None
    tracking: TrackingInput | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "EditOrder":
        if not self.parts():
            raise ValueError("give at least one of customer, shipping_address, billing_address, tracking")
        return self

    def parts(self) -> list[str]:
        """Names of the parts that the caller wants corrected."""
        return [part for part in ("customer", "shipping_address", "billing_address", "tracking") if getattr(self, part) is not None]


class GuestLink(Input):
    """How long a guest may read the order."""

    model_config = example({})

    days: Annotated[int | None, Field(ge=1, le=3_660, description="30 by default, or the installation's maximum if that is less")] = None
