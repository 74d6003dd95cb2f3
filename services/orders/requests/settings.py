"""Request body of a store's settings."""

from typing import Annotated

from pydantic import StringConstraints

from services.orders.state import CancelPreset, CustomerStop
from shared.web.inputs import Input, Word, example


class OrderSettingsInput(Input):
    """The complete settings: a PUT replaces them all."""

    model_config = example(
        {
            "cancel_preset": "cancellation-control",
            "customer_cancel_until": "delivered",
            "stock": True,
            "number_prefix": "A-",
            "time_zone": "Asia/Dhaka",
        }
    )

    cancel_preset: CancelPreset
    customer_cancel_until: CustomerStop
    stock: bool
    number_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_.#-]{0,12}$")]
    time_zone: Word
