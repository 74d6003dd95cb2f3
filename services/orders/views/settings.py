"""Response bodies of a store's settings."""

from datetime import datetime

from services.orders.state import CancelPreset, CustomerStop, SavedSettings, StoreSettings
from shared.web.views import ByView, View


class OrderSettingsView(View):
    """The settings in force; version 0 is the defaults."""

    version: int
    cancel_preset: CancelPreset
    customer_cancel_until: CustomerStop
    stock: bool
    number_prefix: str
    time_zone: str

    @classmethod
    def of(cls, settings: StoreSettings) -> "OrderSettingsView":
        """As responses show them."""
        return cls.showing(settings)


class OrderSettingsVersionView(OrderSettingsView):
    """One version, with who saved it and when."""

    saved_at: datetime
    saved_by: ByView

    @classmethod
    def of_saved(cls, saved: SavedSettings) -> "OrderSettingsVersionView":
        """As the shop sees it, with every id."""
        shown = OrderSettingsView.of(saved).model_dump()
        return cls(**shown, saved_at=saved.saved_at, saved_by=ByView(**saved.saved_by))
