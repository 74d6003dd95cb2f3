"""Request body of a store's settings."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.orders.requests.words import CountryCode
from services.orders.state import CancelPreset, CustomerStop, Oversell
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.web.inputs import Input, Word, example

MAX_NEXT_NUMBER = 10**15


class OrderSettingsInput(Input):
    """The complete settings: a PUT replaces them all."""

    model_config = example(
        {
            "cancel_preset": "cancellation-control",
            "customer_cancel_until": "delivered",
            "stock": True,
            "number_prefix": "A-",
            "time_zone": "Asia/Dhaka",
            "next_number": 3001,
            "country": "BD",
            "oversell": "allow",
            "closing_limit": 100,
        }
    )

    cancel_preset: CancelPreset
    customer_cancel_until: CustomerStop
    stock: bool
    number_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_.#-]{0,12}$")]
    time_zone: Word
    next_number: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_NEXT_NUMBER,
            description="Start the series at this number; absent, null or unchanged leaves the series where it is",
        ),
    ] = None
    country: Annotated[
        CountryCode | None,
        Field(description="The store's country, ISO 3166-1 alpha-2; absent or null derives it from the time zone"),
    ] = None
    oversell: Annotated[
        Oversell,
        Field(description="`allow` takes an order for more than there is: the level goes below 0, and the order needs attention"),
    ] = "refuse"
    closing_limit: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_AMOUNT_MINOR_UNITS,
            description="How much of a difference staff may close, per order and kind, in minor units of its currency",
        ),
    ] = 0
