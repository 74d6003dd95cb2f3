"""Request bodies of bulk changes: each item names its order and brings its own values."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from services.orders.requests.changes import CancelRequest, RecordPayment, Transition
from services.orders.requests.parcels import ParcelInput
from shared.contracts.ids import OrderId
from shared.web.inputs import Input, Reference, Word, example

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

    items: Annotated[list[TransitionItem], Field(min_length=1, max_length=MAX_BULK_ITEMS)]


class BulkPayment(Input):
    """Payments of many orders, such as a courier's remittance; each is recorded or refused on its own."""

    model_config = example(
        {"items": [{"carrier": "Pathao", "tracking_number": "PX-1029", "amount": 11000, "method": "cod", "reference": "R-17"}]}
    )

    items: Annotated[list[PaymentItem], Field(min_length=1, max_length=MAX_BULK_ITEMS)]


class BulkCancellation(Input):
    """Cancellations of many orders; each succeeds or fails on its own."""

    model_config = example({"items": [{"number": "1001", "reason": "out of stock"}]})

    items: Annotated[list[CancellationItem], Field(min_length=1, max_length=MAX_BULK_ITEMS)]


class BulkParcel(Input):
    """Parcels of many orders, such as a carrier's labels of a day; each is added or refused on its own."""

    model_config = example({"items": [{"number": "1001", "parcel": {"carrier": "Pathao", "number": "PX-1029"}}]})

    items: Annotated[list[ParcelItem], Field(min_length=1, max_length=MAX_BULK_ITEMS)]
