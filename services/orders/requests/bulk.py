"""Request bodies of bulk changes: each item names its order and brings its own values."""

from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from services.orders.requests.changes import CancelRequest, RecordPayment, Transition
from services.orders.requests.parcels import ParcelInput
from shared.contracts.errors import Invalid
from shared.contracts.ids import OrderId
from shared.web.inputs import Input, Reference, Word, example
from shared.web.problems import invalid_value

MAX_BULK_ITEMS = 500

NAMES = ("order_id", "number", "external_ref", "carrier", "tracking_number")
WAYS = (("order_id",), ("number",), ("external_ref",), ("carrier", "tracking_number"))


class BulkItem(Input):
    """The order that an item changes, named in exactly one way."""

    order_id: OrderId | None = None
    number: Word | None = None
    external_ref: Reference | None = None
    carrier: Word | None = Field(default=None, description="Together with tracking_number, in upper or lower case")
    tracking_number: Word | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if tuple(name for name in NAMES if getattr(self, name) is not None) not in WAYS:
            raise ValueError("name the order by one of order_id, number, external_ref, or carrier and tracking_number")
        return self


@dataclass(frozen=True, slots=True)
class Malformed:
    """An item that cannot be read, in its place, and why: it is refused alone."""

    failure: Invalid


def _alone(value: Any, parse: ValidatorFunctionWrapHandler) -> Any:
    try:
        return parse(value)
    except ValidationError as error:
        return Malformed(invalid_value(error))


T = TypeVar("T", bound=BulkItem)
Items = Annotated[list[Annotated[T, WrapValidator(_alone)]], Field(min_length=1, max_length=MAX_BULK_ITEMS)]
"""Items that are read one by one: any of them may be `Malformed` instead, which the published schema does not say."""


class TransitionItem(BulkItem, Transition):
    """A step of one order."""

    model_config = example({"number": "1001", "to": "shipped", "tracking": {"carrier": "Pathao", "number": "PX-1029"}})


class PaymentItem(BulkItem, RecordPayment):
    """Money that was collected for one order."""

    model_config = example({"carrier": "Pathao", "tracking_number": "PX-1029", "amount": 11000, "method": "cod", "reference": "R-17"})


class CancellationItem(BulkItem, CancelRequest):
    """A cancellation of one order."""

    model_config = example({"external_ref": "web-7", "reason": "out of stock", "message": "We are sorry."})


class ParcelItem(BulkItem):
    """A parcel of one order."""

    model_config = example({"number": "1001", "parcel": {"carrier": "Pathao", "number": "PX-1029"}})

    parcel: ParcelInput


class BulkTransition(Input):
    """Steps of many orders; each succeeds or fails on its own."""

    model_config = example({"items": [{"number": "1001", "to": "confirmed"}, {"external_ref": "web-7", "to": "confirmed"}]})

    items: Items[TransitionItem]


class BulkPayment(Input):
    """Payments of many orders, such as a courier's remittance; each is recorded or refused on its own."""

    model_config = example(
        {"items": [{"carrier": "Pathao", "tracking_number": "PX-1029", "amount": 11000, "method": "cod", "reference": "R-17"}]}
    )

    items: Items[PaymentItem]


class BulkCancellation(Input):
    """Cancellations of many orders; each succeeds or fails on its own."""

    model_config = example({"items": [{"number": "1001", "reason": "out of stock"}]})

    items: Items[CancellationItem]


class BulkParcel(Input):
    """Parcels of many orders, such as a carrier's labels of a day; each is added or refused on its own."""

    model_config = example({"items": [{"number": "1001", "parcel": {"carrier": "Pathao", "number": "PX-1029"}}]})

    items: Items[ParcelItem]
