"""Response body of figures."""

from datetime import datetime
from typing import Literal

from services.orders.state import Bucket, CurrencyFigures, Figures
from shared.web.views import MoneyView, View, money


class FiguresBucketView(View):
    """An hour or day; one in which nothing happened is left out. `sold` may be negative: it counts cancellations at their own time."""

    begins_at: datetime
    ends_at: datetime
    placed: int
    sold: MoneyView
    collected: MoneyView

    @classmethod
    def of(cls, bucket: Bucket, currency: str) -> "FiguresBucketView":
        """One bucket of a currency."""
        return cls.showing(bucket, sold=money(bucket.sold, currency), collected=money(bucket.collected, currency))


class CurrencyFiguresView(View):
    """One currency: the sums of its buckets, and `cash_out`, which is due now of orders whose goods left."""

    currency: str
    placed: int
    sold: MoneyView
    collected: MoneyView
    cash_out: MoneyView
    buckets: list[FiguresBucketView]

    @classmethod
    def of(cls, figures: CurrencyFigures) -> "CurrencyFiguresView":
        """With the sums of the buckets."""
        currency, buckets = figures.currency, figures.buckets
        sums = {name: money(sum(getattr(one, name) for one in buckets), currency) for name in ("sold", "collected")}
        return cls(
            currency=currency,
            placed=sum(one.placed for one in buckets),
            **sums,
            cash_out=money(figures.cash_out, currency),
            buckets=[FiguresBucketView.of(one, currency) for one in buckets],
        )


class OrderFiguresView(View):
    """What a store sold and collected, by the hours or days of its time zone. Amounts of different currencies are never added."""

    by: Literal["hour", "day"]
    time_zone: str
    begins_at: datetime
    ends_at: datetime
    currencies: list[CurrencyFiguresView]

    @classmethod
    def of(cls, figures: Figures) -> "OrderFiguresView":
        """As the shop sees them."""
        return cls.showing(figures, currencies=[CurrencyFiguresView.of(one) for one in figures.currencies])
