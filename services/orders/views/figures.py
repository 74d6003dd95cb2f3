"""Response body of figures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from shared.web.figures import Sums, SumsByCurrency
from shared.web.views import MoneyView, View, money

SUMS = ("sold", "collected")


class FiguresBucketView(View):
    """An hour or day; one in which nothing happened is left out. `sold` may be negative: it counts cancellations at their own time."""

    begins_at: datetime
    ends_at: datetime
    placed: int
    sold: MoneyView
    collected: MoneyView

    @classmethod
    def of(cls, bucket: Sums, currency: str) -> "FiguresBucketView":
        """One bucket of a currency."""
        amounts = {name: money(bucket.sums[name], currency) for name in SUMS}
        return cls.showing(bucket, placed=bucket.sums["placed"], **amounts)


class CurrencyFiguresView(View):
    """One currency: the sums of its buckets, and `cash_out`, which is due now of orders whose goods left."""

    currency: str
    placed: int
    sold: MoneyView
    collected: MoneyView
    cash_out: MoneyView
    buckets: list[FiguresBucketView]

    @classmethod
    def of(cls, currency: str, due: int, buckets: Sequence[Sums]) -> "CurrencyFiguresView":
        """With the sums of the buckets."""
        return cls(
            currency=currency,
            placed=sum(one.sums["placed"] for one in buckets),
            **{name: money(sum(one.sums[name] for one in buckets), currency) for name in SUMS},
            cash_out=money(due, currency),
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
    def of(cls, figures: SumsByCurrency) -> "OrderFiguresView":
        """As the shop sees them."""
        return cls.showing(figures, currencies=[CurrencyFiguresView.of(one, *said) for one, said in figures.currencies.items()])
