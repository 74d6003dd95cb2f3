"""Response bodies of a store's settings."""

from services.orders.state import CancelPreset, CustomerStop, Oversell
from shared.web.settings_history import SavedView
from shared.web.views import View


class OrderSettingsView(View):
    """The settings in force; version 0 is the defaults."""

    version: int
    cancel_preset: CancelPreset
    customer_cancel_until: CustomerStop
    stock: bool
    number_prefix: str
    time_zone: str
    next_number: int | None
    country: str | None
    oversell: Oversell
    closing_limit: int


class OrderSettingsVersionView(SavedView, OrderSettingsView):
    """One version, with who saved it and when."""
