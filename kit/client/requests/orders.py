"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, NotRequired, TypedDict


class AddressEdit(TypedDict):
    """An address; omitted parts stay unchanged, null removes one."""

    country_code: NotRequired[str | None]
    name: NotRequired[str | None]
    company_name: NotRequired[str | None]
    street_address: NotRequired[str | None]
    city: NotRequired[str | None]
    city_area: NotRequired[str | None]
    country_area: NotRequired[str | None]
    postal_code: NotRequired[str | None]
    sorting_code: NotRequired[str | None]
    phone: NotRequired[str | None]


class AddressInput(TypedDict):
    """A postal address; which parts are required depends on the country."""

    country_code: str
    name: NotRequired[str]
    company_name: NotRequired[str]
    street_address: NotRequired[str]
    city: NotRequired[str]
    city_area: NotRequired[str]
    country_area: NotRequired[str]
    postal_code: NotRequired[str]
    sorting_code: NotRequired[str]
    phone: NotRequired[str]


class CancelRequest(TypedDict):
    """A cancellation is a record: the reason stays with the order, the message is for its customer."""

    reason: str
    message: NotRequired[str]


class CancellationItem(TypedDict):
    """A cancellation of one order."""

    reason: str
    message: NotRequired[str]
    order_id: NotRequired[str | None]
    number: NotRequired[str | None]
    external_ref: NotRequired[str | None]
    carrier: NotRequired[str | None]
    """Together with tracking_number, in upper or lower case."""
    tracking_number: NotRequired[str | None]


CancelledBeforeInput = TypedDict(
    "CancelledBeforeInput",
    {
        "from": Literal["pending", "confirmed", "picked_up", "shipped"],
        "at": datetime,
        "reason": NotRequired[str],
        "by": NotRequired[Literal["customer", "staff", "platform"]],
    },
)
"""The cancellation of an order of the past."""


class CancelledLine(TypedDict):
    """Units of one line that never leave; `release_stock: false` where they are not there."""

    line: int
    quantity: int
    release_stock: NotRequired[bool]


class CloseDifference(TypedDict):
    """A difference that the shop lets be: `written_off` is not asked for any more, `kept` not paid back. The note is for the shop alone."""

    kind: Literal["written_off", "kept"]
    amount: int
    """Minor units of the order's currency."""
    reason: Literal["rounding", "shortage", "tip", "surplus", "other"]
    note: NotRequired[str]


class DeliveryFailure(TypedDict):
    """A delivery that was refused or failed; `reported_by` names who reported it (a rider, the carrier)."""

    reason: str
    reported_by: NotRequired[str]
    """Defaults to the caller."""
    message: NotRequired[str]
    occurred_at: NotRequired[datetime | None]


class ExternalDocumentInput(TypedDict):
    """A document that another system issued for the order."""

    kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"]
    number: str
    issued_on: date


class GuestLink(TypedDict):
    """How long a guest may read the order."""

    days: NotRequired[int | None]
    """30 by default, or the installation's maximum if that is less."""


class HandOver(TypedDict):
    """Whose order it is from now on."""

    customer_id: str
    reason: str


class OptionInput(TypedDict):
    """A choice that tells variants of an article apart."""

    name: str
    value: str


class ParcelLineInput(TypedDict):
    """How many units of a line are in a parcel."""

    line: int
    quantity: int


class PaymentItem(TypedDict):
    """Money that was collected for one order."""

    amount: int
    """Minor units of the order's currency."""
    method: str
    """In any case; kept as one word: cod."""
    reference: str
    collected_by: NotRequired[str | None]
    occurred_at: NotRequired[datetime | None]
    courier_charge: NotRequired[int | None]
    """What the courier keeps of it; it counts nowhere: `amount` is what the customer paid."""
    order_id: NotRequired[str | None]
    number: NotRequired[str | None]
    external_ref: NotRequired[str | None]
    carrier: NotRequired[str | None]
    """Together with tracking_number, in upper or lower case."""
    tracking_number: NotRequired[str | None]


class PlaceBatch(TypedDict):
    """Up to 1,000 orders; each succeeds or fails on its own. Items are parsed one by one, so an invalid one fails alone too."""

    orders: Sequence[Mapping[str, object]]
    validation: NotRequired[Literal["strict", "warn"] | None]
    """`strict` refuses a contact or address that its country does not know; `warn` keeps it and lists what is wrong in
    `address_problems`. Default: `warn` for the platform, `strict` for staff.
    """


class PrepaidInput(TypedDict):
    """Money collected before or when the order was placed."""

    amount: int
    """Minor units of the order's currency."""
    method: str
    """In any case; kept as one word: cod."""
    reference: str
    collected_by: NotRequired[str | None]
    occurred_at: NotRequired[datetime | None]


class RecordPayment(TypedDict):
    """Money that was collected. (order, method, reference) is unique: repeating it returns the same record."""

    amount: int
    """Minor units of the order's currency."""
    method: str
    """In any case; kept as one word: cod."""
    reference: str
    collected_by: NotRequired[str | None]
    occurred_at: NotRequired[datetime | None]
    courier_charge: NotRequired[int | None]
    """What the courier keeps of it; it counts nowhere: `amount` is what the customer paid."""


class RefundedLineInput(TypedDict):
    """Units of a line that had come back, and the money that had gone back for the line; either may be 0."""

    line: int
    quantity: int
    amount: int
    """Minor units of the order's currency."""


class ReversePayment(TypedDict):
    """Corrects a recorded payment with a record of the opposite amount: all that still stands of it, or the `amount`."""

    reason: str
    amount: NotRequired[int | None]
    """At most what still stands of the payment; absent: all of that."""
    occurred_at: NotRequired[datetime | None]


class ShippingEdit(TypedDict):
    """The tax of shipping; an omitted field stays unchanged, null removes one. Amounts are amended."""

    tax_rate: NotRequired[str | None]
    tax_code: NotRequired[str | None]


class ShippingInput(TypedDict):
    """The cost of shipping. `total` is after its discount, with its tax."""

    amount: NotRequired[int]
    """Minor units of the order's currency."""
    discount: NotRequired[int]
    """Minor units of the order's currency."""
    tax: NotRequired[int | None]
    total: NotRequired[int | None]
    tax_rate: NotRequired[str | None]
    tax_code: NotRequired[str | None]


class TaxRegistrationInput(TypedDict):
    """A registration of the buyer's company. `scheme` is its code in UNTDID 1153, such as `VA` for a VAT number."""

    label: str
    number: str
    scheme: NotRequired[str | None]


class TrackingEdit(TypedDict):
    """Where a parcel can be tracked; omitted parts stay unchanged, a null url is removed."""

    carrier: NotRequired[str | None]
    number: NotRequired[str | None]
    url: NotRequired[str | None]


class AmendedLine(TypedDict):
    """A line that is wanted: with `line` one that stays, whose absent fields stay as they are; without, a new one."""

    line: NotRequired[int | None]
    sku: NotRequired[str | None]
    name: NotRequired[str | None]
    quantity: NotRequired[int | None]
    unit_price: NotRequired[int | None]
    subtotal: NotRequired[int | None]
    discount: NotRequired[int | None]
    tax: NotRequired[int | None]
    total: NotRequired[int | None]
    options: NotRequired[Sequence[OptionInput] | None]
    tax_rate: NotRequired[str | None]
    tax_code: NotRequired[str | None]
    commodity_code: NotRequired[str | None]
    personalisation: NotRequired[str | None]
    """Of a new line; PATCH corrects it on one that stays."""
    product_id: NotRequired[str | None]
    """Of a new line."""
    image_url: NotRequired[str | None]
    """Of a new line."""


class BulkCancellation(TypedDict):
    """Cancellations of many orders; each succeeds or fails on its own."""

    items: Sequence[CancellationItem]


class BulkPayment(TypedDict):
    """Payments of many orders, such as a courier's remittance; each is recorded or refused on its own."""

    items: Sequence[PaymentItem]


class ContactEdit(TypedDict):
    """The contact; omitted fields stay unchanged, null removes one. The last three can be corrected only before confirmation."""

    name: NotRequired[str | None]
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    company: NotRequired[str | None]
    tax_numbers: NotRequired[Sequence[TaxRegistrationInput] | None]
    buyer_reference: NotRequired[str | None]


class CustomerInput(TypedDict):
    """The buyer: `id` is the caller's own id for the customer, and the `sub` of the customer's tokens."""

    id: str
    name: NotRequired[str]
    email: NotRequired[str | None]
    phone: NotRequired[str]
    company: NotRequired[str]
    tax_numbers: NotRequired[Sequence[TaxRegistrationInput]]
    buyer_reference: NotRequired[str]


class LineEdit(TypedDict):
    """What the invoice says of a line beside its figures; omitted fields stay unchanged, null removes one."""

    line: int
    options: NotRequired[Sequence[OptionInput] | None]
    personalisation: NotRequired[str | None]
    tax_rate: NotRequired[str | None]
    tax_code: NotRequired[str | None]
    commodity_code: NotRequired[str | None]


class LineInput(TypedDict):
    """One line. Give `unit_price`, or `subtotal`, or only `total`; any other figures must agree with it.

    `total` is what the customer pays for the line: after its own discount and its share of the order's discount, with tax.
    """

    sku: str
    name: str
    quantity: int
    unit_price: NotRequired[int | None]
    subtotal: NotRequired[int | None]
    discount: NotRequired[int]
    """Minor units of the order's currency."""
    tax: NotRequired[int | None]
    total: NotRequired[int | None]
    options: NotRequired[Sequence[OptionInput]]
    """Printed under the name: size, colour."""
    personalisation: NotRequired[str]
    """Printed on the packing slip only: an engraving."""
    product_id: NotRequired[str | None]
    image_url: NotRequired[str | None]
    tax_rate: NotRequired[str | None]
    tax_code: NotRequired[str | None]
    commodity_code: NotRequired[str | None]


class ParcelEdit(TypedDict):
    """A correction of a parcel (JSON merge patch, RFC 7396): omitted parts stay unchanged, null removes one."""

    carrier: NotRequired[str | None]
    number: NotRequired[str | None]
    url: NotRequired[str | None]
    lines: NotRequired[Sequence[ParcelLineInput] | None]
    shipped_at: NotRequired[datetime | None]
    delivered_at: NotRequired[datetime | None]


class ParcelInput(TypedDict):
    """A parcel, what is in it, and when it left and arrived."""

    carrier: str
    number: str
    url: NotRequired[str | None]
    lines: NotRequired[Sequence[ParcelLineInput]]
    """Without lines a parcel says nothing of its contents."""
    shipped_at: NotRequired[datetime | None]
    delivered_at: NotRequired[datetime | None]


class PartCancelRequest(TypedDict):
    """Units that are cancelled while the rest of the order goes on."""

    lines: Sequence[CancelledLine]
    reason: str
    message: NotRequired[str]
    shipping: NotRequired[Literal["policy", "keep", "refund"]]
    """Whether the units' share of the shipping is credited; `policy`: as the store's refund policy says."""


class RefundedBeforeInput(TypedDict):
    """All that had been refunded of an order of the past, and was settled then."""

    lines: NotRequired[Sequence[RefundedLineInput]]
    shipping: NotRequired[int]
    """Minor units of the order's currency."""


class TrackingInput(TypedDict):
    """Where a parcel can be tracked. Without `url` a well-known carrier's own link is used."""

    carrier: str
    number: str
    url: NotRequired[str | None]
    lines: NotRequired[Sequence[ParcelLineInput]]
    """Without lines a parcel says nothing of its contents."""


class AmendOrder(TypedDict):
    """The whole wanted order: lines that are not named are removed. Absent shipping, discount and coupon codes stay as they are.

    Figures follow the rule of placing. A line, or the shipping, whose figures change says its tax again if it had one.
    """

    reason: str
    message: NotRequired[str]
    lines: Sequence[AmendedLine]
    shipping: NotRequired[ShippingInput | None]
    discount: NotRequired[int | None]
    coupon_codes: NotRequired[Sequence[str] | None]
    tax: NotRequired[int | None]
    """Tax of the whole order; spread over lines and shipping if they give none."""
    total: NotRequired[int | None]


class EditOrder(TypedDict):
    """A correction with its reason (JSON merge patch, RFC 7396): omitted fields stay unchanged, null removes an optional part.

    A null billing address is the shipping address again. `accept_addresses` accepts what is listed in `address_problems` as it is, and
    `accept_oversold` that the order took what was not there; neither needs a reason.
    """

    reason: NotRequired[str]
    message: NotRequired[str]
    customer: NotRequired[ContactEdit | None]
    shipping_address: NotRequired[AddressEdit | None]
    billing_address: NotRequired[AddressEdit | None]
    tracking: NotRequired[TrackingEdit | None]
    accept_addresses: NotRequired[bool]
    accept_oversold: NotRequired[bool]
    validation: NotRequired[Literal["strict", "warn"] | None]
    """`strict` refuses a contact or address that its country does not know; `warn` keeps it and lists what is wrong in
    `address_problems`. Default: `warn` for the platform, `strict` for staff.
    """
    shipping_method: NotRequired[str | None]
    payment_method: NotRequired[str | None]
    supplied_on: NotRequired[date | None]
    payment_due_on: NotRequired[date | None]
    place_of_supply: NotRequired[str | None]
    lines: NotRequired[Sequence[LineEdit] | None]
    shipping: NotRequired[ShippingEdit | None]
    customer_note: NotRequired[str | None]
    tags: NotRequired[Sequence[str] | None]
    metadata: NotRequired[Mapping[str, str | int | bool | None] | None]
    documents: NotRequired[Sequence[ExternalDocumentInput] | None]


class HistoryInput(TypedDict):
    """The past of an order that is imported: its status, with the date of every step that it took."""

    status: Literal["confirmed", "picked_up", "shipped", "delivered"] | Literal["cancelled"]
    confirmed_at: NotRequired[datetime | None]
    picked_up_at: NotRequired[datetime | None]
    shipped_at: NotRequired[datetime | None]
    delivered_at: NotRequired[datetime | None]
    documents: NotRequired[Sequence[ExternalDocumentInput]]
    cancelled: NotRequired[CancelledBeforeInput | None]
    """Of an order with the status `cancelled`."""
    refunded: NotRequired[RefundedBeforeInput | None]


class ParcelItem(TypedDict):
    """A parcel of one order."""

    order_id: NotRequired[str | None]
    number: NotRequired[str | None]
    external_ref: NotRequired[str | None]
    carrier: NotRequired[str | None]
    """Together with tracking_number, in upper or lower case."""
    tracking_number: NotRequired[str | None]
    parcel: ParcelInput


class Transition(TypedDict):
    """A step forward, with a message for the customer."""

    to: Literal["confirmed", "picked_up", "shipped", "delivered"]
    message: NotRequired[str]
    tracking: NotRequired[TrackingInput | None]
    occurred_at: NotRequired[datetime | None]


class TransitionItem(TypedDict):
    """A step of one order."""

    to: Literal["confirmed", "picked_up", "shipped", "delivered"]
    message: NotRequired[str]
    tracking: NotRequired[TrackingInput | None]
    occurred_at: NotRequired[datetime | None]
    order_id: NotRequired[str | None]
    number: NotRequired[str | None]
    external_ref: NotRequired[str | None]
    carrier: NotRequired[str | None]
    """Together with tracking_number, in upper or lower case."""
    tracking_number: NotRequired[str | None]


class BulkParcel(TypedDict):
    """Parcels of many orders, such as a carrier's labels of a day; each is added or refused on its own."""

    items: Sequence[ParcelItem]


class BulkTransition(TypedDict):
    """Steps of many orders; each succeeds or fails on its own."""

    items: Sequence[TransitionItem]


class PlaceOrder(TypedDict):
    """An order as it left the checkout."""

    currency: str
    customer: CustomerInput
    fulfilment: NotRequired[Literal["shipping", "pickup", "digital"]]
    """`pickup`: handed over in the shop; `digital`: only made available."""
    shipping_address: NotRequired[AddressInput | None]
    """Required for an order that is shipped."""
    billing_address: NotRequired[AddressInput | None]
    """Defaults to the shipping address."""
    lines: Sequence[LineInput]
    shipping: NotRequired[ShippingInput]
    discount: NotRequired[int]
    """The order's own discount, spread over its lines."""
    tax: NotRequired[int | None]
    """Tax of the whole order; spread over lines and shipping if they give none."""
    prices_include_tax: NotRequired[bool]
    total: NotRequired[int | None]
    language: NotRequired[str]
    """BCP 47; bn_BD is kept as bn-BD."""
    number: NotRequired[str | None]
    """The platform's own number or name; defaults to the store's next one."""
    external_ref: NotRequired[str | None]
    metadata: NotRequired[Mapping[str, str | int | bool]]
    payments: NotRequired[Sequence[PrepaidInput]]
    placed_at: NotRequired[datetime | None]
    validation: NotRequired[Literal["strict", "warn"] | None]
    """`strict` refuses a contact or address that its country does not know; `warn` keeps it and lists what is wrong in
    `address_problems`. Default: `warn` for the platform, `strict` for staff.
    """
    shipping_method: NotRequired[str | None]
    payment_method: NotRequired[str | None]
    """How the customer means to pay; what is paid stands in the payments."""
    coupon_codes: NotRequired[Sequence[str]]
    customer_note: NotRequired[str]
    tags: NotRequired[Sequence[str]]
    supplied_on: NotRequired[date | None]
    payment_due_on: NotRequired[date | None]
    place_of_supply: NotRequired[str | None]
    history: NotRequired[HistoryInput | None]
    """For the platform: the order is of the past, and nothing happens now."""
