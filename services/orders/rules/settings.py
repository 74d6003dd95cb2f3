"""What a store decides about its orders. Version 0 are the defaults."""

from dataclasses import dataclass
from zoneinfo import available_timezones

from services.orders.requests.settings import CancelPreset, CustomerStop
from shared.contracts.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One version of a store's settings; `stock` says whether it counts its stock here."""

    version: int = 0
    cancel_preset: CancelPreset = "cancellation-control"
    customer_cancel_until: CustomerStop = "delivered"
    stock: bool = False
    number_prefix: str = ""
    time_zone: str = "UTC"


def known_time_zone(name: str) -> str:
    """`name`, if it is a time zone of the IANA database. Raises Invalid `unknown_time_zone`."""
    if name not in available_timezones():
        message = "An IANA time zone such as Asia/Dhaka."
        raise Invalid("unknown_time_zone", message, errors=(FieldError("/time_zone", "unknown_time_zone", message),))
    return name
