"""Figures, and an entry of the journal in each of its formats."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.refunds.state import RefundJournalEntry
from shared.contracts.ids import OrderId, PaymentId, RefundId
from shared.web.figures import Sums, SumsByCurrency
from shared.web.views import MoneyView, View, money

SUMS = ("credited", "paid_back", "sent")


class RefundFiguresBucketView(View):
    """An hour or day; one in which nothing happened is left out."""

    begins_at: datetime
    ends_at: datetime
    requested: int
    credited: MoneyView
    paid_back: MoneyView
    sent: MoneyView

    @classmethod
    def of(cls, bucket: Sums, currency: str) -> "RefundFiguresBucketView":
        """One bucket of a currency."""
        amounts = {name: money(bucket.sums[name], currency) for name in SUMS}
        return cls.showing(bucket, requested=bucket.sums["requested"], **amounts)


class RefundCurrencyFiguresView(View):
    """One currency: the sums of its buckets, and `to_send`, which is approved and has not been sent yet, whenever it was approved."""

    currency: str
    requested: int
    credited: MoneyView
    paid_back: MoneyView
    sent: MoneyView
    to_send: MoneyView
    buckets: list[RefundFiguresBucketView]

    @classmethod
    def of(cls, currency: str, due: int, buckets: Sequence[Sums]) -> "RefundCurrencyFiguresView":
        """With the sums of the buckets."""
        return cls(
            currency=currency,
            requested=sum(one.sums["requested"] for one in buckets),
            **{name: money(sum(one.sums[name] for one in buckets), currency) for name in SUMS},
            to_send=money(due, currency),
            buckets=[RefundFiguresBucketView.of(one, currency) for one in buckets],
        )


class RefundFiguresView(View):
    """What a store credited and paid back, by the hours or days of its time zone. Amounts of different currencies are never added."""

    by: Literal["hour", "day"]
    time_zone: str
    begins_at: datetime
    ends_at: datetime
    currencies: list[RefundCurrencyFiguresView]

    @classmethod
    def of(cls, figures: SumsByCurrency) -> "RefundFiguresView":
        """As the shop sees them."""
        return cls.showing(figures, currencies=[RefundCurrencyFiguresView.of(one, *said) for one, said in figures.currencies.items()])


class RefundJournalEntryView(View):
    """Money of a refund that went back, all of it or a part; `day` is the store's."""

    day: date
    number: str
    order_id: OrderId
    refund_id: RefundId
    method: str
    reference: str
    amount: MoneyView
    payment_id: PaymentId | None
    occurred_at: datetime

    @classmethod
    def of(cls, entry: RefundJournalEntry, zone: ZoneInfo) -> "RefundJournalEntryView":
        """As the shop sees it."""
        at = entry.reported_at
        day = at.astimezone(zone).date()
        return cls.showing(entry, day=day, number=entry.order_number, amount=money(entry.amount, entry.currency), occurred_at=at)


def journal_cells(entry: RefundJournalEntry, zone: ZoneInfo) -> dict[str, Any]:
    """The same as cells of a CSV; amounts are decimal."""
    view = RefundJournalEntryView.of(entry, zone)
    shown = {"day": view.day, "number": view.number, "amount": view.amount.decimal, "occurred_at": view.occurred_at}
    return asdict(entry) | shown
