"""An entry of the journal, in each of its formats."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.orders.state import JournalEntry
from shared.contracts.ids import OrderId, PaymentId
from shared.web.views import MoneyView, View, money


class JournalEntryView(View):
    """A payment, or with a negative amount a reversal; `day` is the store's."""

    day: date
    number: str
    order_id: OrderId
    external_ref: str | None
    method: str
    reference: str
    collected_by: str | None
    amount: MoneyView
    courier_charge: MoneyView | None
    payment_id: PaymentId
    reverses: PaymentId | None
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, entry: JournalEntry, zone: ZoneInfo) -> "JournalEntryView":
        """As the shop sees it."""
        charge = None if entry.courier_charge is None else money(entry.courier_charge, entry.currency)
        day = entry.occurred_at.astimezone(zone).date()
        return cls.showing(entry, day=day, amount=money(entry.amount, entry.currency), courier_charge=charge)


def journal_cells(entry: JournalEntry, zone: ZoneInfo) -> dict[str, Any]:
    """The same as cells of a CSV; amounts are decimal."""
    view = JournalEntryView.of(entry, zone)
    charge = view.courier_charge and view.courier_charge.decimal
    return asdict(entry) | {"day": view.day, "amount": view.amount.decimal, "courier_charge": charge}
