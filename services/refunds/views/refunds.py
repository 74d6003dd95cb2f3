"""Refunds, in lists and in full."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.refunds.state import (
    TAX_TABLES,
    Cause,
    Outcome,
    Refund,
    RefundLine,
    RefundRow,
    Settlement,
    SettlementReport,
    ShippingChoice,
    Status,
)
from services.refunds.views.files import AttachmentView
from shared.contracts.actor import Actor, Decision
from shared.contracts.events import Disposition, TaxRow
from shared.contracts.ids import OrderId, PartCancellationId, PaymentId, RefundId
from shared.web.views import ActionView, ByView, MoneyView, View, actions, money

MONEY = ("credit", "amount", "settled_amount", "goods", "shipping", "overpaid", "shipping_kept")


class TaxRowView(View):
    """The tax of one code and rate (percent): net + tax = gross."""

    tax_code: str | None
    tax_rate: str | None
    net: MoneyView
    tax: MoneyView
    gross: MoneyView

    @classmethod
    def of(cls, row: TaxRow, currency: str) -> "TaxRowView":
        """One row."""
        return cls.showing(row, **{name: money(getattr(row, name), currency) for name in ("net", "tax", "gross")})


class FeeView(View):
    """A named part of the value that is not credited."""

    name: str
    amount: MoneyView


class RefundUnitsView(View):
    """Units `first`..`last` of a line."""

    first: int
    last: int


TAXES = ("shipping_tax", "shipping_kept_tax")


def known(minor: int | None, currency: str) -> MoneyView | None:
    """Money, or null where it is not known, as the tax of an order from before taxes were copied."""
    return None if minor is None else money(minor, currency)


class RefundLineView(View):
    """The refund's part of one line, and what happens to the goods."""

    line: int
    sku: str
    name: str
    quantity: int
    units: list[RefundUnitsView]
    goods: MoneyView
    shipping: MoneyView
    tax: MoneyView | None
    tax_rate: str | None
    tax_code: str | None
    fee: MoneyView
    disposition: Disposition
    restock: int
    not_restocked_because: str | None
    waiting_for_inspection: int

    @classmethod
    def of(cls, line: RefundLine, currency: str) -> "RefundLineView":
        """One line."""
        return cls.showing(
            line,
            units=[RefundUnitsView.showing(units) for units in line.units],
            goods=money(line.goods, currency),
            shipping=money(line.shipping, currency),
            tax=known(line.tax, currency),
            fee=money(line.fee, currency),
            waiting_for_inspection=line.waiting,
        )


class PayToView(View):
    """Where the money goes. In lists, and for guests: without the holder, and only the last 4 characters of the account."""

    method: str
    account: str
    holder: str | None

    @classmethod
    def of(cls, pay_to: dict[str, Any] | None, *, whole: bool) -> "PayToView | None":
        """In whole or in part."""
        if pay_to is None:
            return None
        method, account = pay_to["method"], pay_to["account"]
        if not whole:
            return cls(method=method, account=account[-4:], holder=None)
        return cls(method=method, account=account, holder=pay_to["holder"])


def said_where(pay_to: dict[str, Any] | None, actor: Actor, *, whole: bool) -> dict[str, Any]:
    """Where money goes, who said so, and when: null of what was said by the version of before, which did not keep that."""
    said = pay_to or {}
    return {
        "pay_to": PayToView.of(pay_to, whole=whole),
        "pay_to_by": ByView.of_row(said["by"], actor) if "by" in said else None,
        "pay_to_at": datetime.fromisoformat(said["at"]) if "at" in said else None,
    }


class _RefundBegins(View):
    """The first fields of a refund, both in lists and in full: order number, request date and status first."""

    order_number: str
    requested_at: datetime
    status: Status
    refund_id: RefundId
    version: int
    order_id: OrderId
    customer_id: str
    settlement: Settlement
    cause: Cause


class RefundSummaryView(_RefundBegins):
    """A refund in a list: order number, request date and status first."""

    reason: str
    units: int
    credit: MoneyView
    amount: MoneyView
    settled_amount: MoneyView
    pay_to: PayToView | None
    decided_at: datetime | None
    age_seconds: int
    overdue: bool

    @classmethod
    def of(cls, refund: RefundRow, *, now: datetime) -> "RefundSummaryView":
        """One refund; its age stops at its decision."""
        return cls.showing(
            refund,
            credit=money(refund.credit, refund.currency),
            amount=money(refund.amount, refund.currency),
            settled_amount=money(refund.settled_amount, refund.currency),
            pay_to=PayToView.of(refund.pay_to, whole=False),
            age_seconds=int(((refund.decided_at or now) - refund.requested_at).total_seconds()),
            overdue=refund.status == "processing" and refund.overdue_at is not None and refund.overdue_at <= now,
        )


class RefundView(_RefundBegins):
    """A whole refund, as of `version`. `explanation` holds the inputs of its amount, in minor units."""

    payment_id: PaymentId | None
    part_cancellation_id: PartCancellationId | None
    reason: str
    description: str
    further_information: str
    message: str
    internal_reason: str | None = None
    beyond_window_reason: str | None = None
    currency: str
    credit: MoneyView
    amount: MoneyView
    settled_amount: MoneyView
    pay_to: PayToView | None
    pay_to_by: ByView | None
    pay_to_at: datetime | None
    goods: MoneyView
    shipping: MoneyView
    shipping_tax: MoneyView | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
    overpaid: MoneyView
    shipping_kept: MoneyView
    shipping_kept_tax: MoneyView | None
    taxes: list[TaxRowView]
    payout_taxes: list[TaxRowView]
    fees: list[FeeView]
    shipping_choice: ShippingChoice
    shipping_reason: str | None = None
    explanation: dict[str, Any]
    lines: list[RefundLineView]
    policy_version: int
    order_version: int
    requested_by: ByView
    decided_by: ByView | None
    decided_at: datetime | None

    @classmethod
    def of(cls, refund: Refund, actor: Actor) -> "RefundView":
        """The refund as `actor` may see it: internal reasons are only for the shop."""
        currency = refund.currency
        return cls.showing(
            refund,
            **{name: money(getattr(refund, name), currency) for name in MONEY},
            **{name: known(getattr(refund, name), currency) for name in TAXES},
            **{name: [TaxRowView.of(row, currency) for row in getattr(refund, name)] for name in TAX_TABLES},
            **said_where(refund.pay_to, actor, whole=actor.role != "guest"),
            fees=[FeeView(name=fee.name, amount=money(fee.amount, currency)) for fee in refund.fees],
            shipping_reason=refund.shipping_reason if actor.is_shop else None,
            internal_reason=refund.internal_reason if actor.is_shop else None,
            beyond_window_reason=refund.beyond_window_reason if actor.is_shop else None,
            lines=[RefundLineView.of(line, currency) for line in refund.lines],
            requested_by=ByView.of_row(refund.requested_by, actor),
            decided_by=ByView.of_row(refund.decided_by, actor) if refund.decided_by else None,
        )


class SettlementView(View):
    """A settlement report; `counts` is false if it changed nothing: more than was left, or a failure after the last success."""

    outcome: Outcome
    method: str
    reference: str
    amount: MoneyView
    payment_id: PaymentId | None
    reason: str
    counts: bool
    reported_at: datetime

    @classmethod
    def of(cls, report: SettlementReport, currency: str) -> "SettlementView":
        """One report."""
        return cls.showing(report, amount=money(report.amount, currency))


class RefundDetails(RefundView):
    """A whole refund with its files, its settlement attempts (only for the shop) and what the caller may do."""

    attachments: list[AttachmentView]
    settlements: list[SettlementView]
    actions: dict[str, ActionView]

    @classmethod
    def with_more(
        cls, refund: Refund, actor: Actor, *, files: list[AttachmentView], reports: list[SettlementView], decisions: Mapping[str, Decision]
    ) -> "RefundDetails":
        """The refund, its files and reports, and the decisions for `actor`."""
        return cls(
            **dict(RefundView.of(refund, actor)),
            attachments=files,
            settlements=reports,
            actions=actions(decisions),
        )


class RefundCountsView(View):
    """How many refunds have each status (at most 5,000 overdue ones are counted), and the median time of the last 1,000 decisions."""

    processing: int
    approved: int
    cancelled: int
    overdue: int
    median_seconds_to_decide: float | None
