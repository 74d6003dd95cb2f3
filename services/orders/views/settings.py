"""A store's settings as callers see them."""

from datetime import datetime

from pydantic import BaseModel

from services.orders.requests.settings import CancelPreset, CustomerStop
from services.orders.rules.settings import StoreSettings
from shared.web.views import View


class OrderSettingsView(View):
    """The settings in force; version 0 are the defaults."""

    version: int
    cancel_preset: CancelPreset
    customer_cancel_until: CustomerStop
    stock: bool
    number_prefix: str
    time_zone: str

    @classmethod
    def of(cls, settings: StoreSettings) -> "OrderSettingsView":
        """As answers show them."""
        return cls(
            version=settings.version, cancel_preset=settings.cancel_preset, customer_cancel_until=settings.customer_cancel_until,
            stock=settings.stock, number_prefix=settings.number_prefix, time_zone=settings.time_zone,
        )  # fmt: skip


class SavedOrderSettings(OrderSettingsView):
    """One version, with who saved it when."""

    saved_by: str
    recorded_at: datetime


class OrderSettingsHistory(BaseModel):
    """Versions, newest first."""

    items: list[SavedOrderSettings]
