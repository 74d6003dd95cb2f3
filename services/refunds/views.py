"""A refund as callers see it. Money is `{amount, currency, decimal}`; `amount` counts, `decimal` is help for the reader."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy.engine import Row

from services.refunds.state import Cause, Outcome, Refund, RefundLine, Settlement, Status
from shared.contracts.actor import Actor, Decision, Role
from shared.contracts.events import Disposition
from shared.contracts.ids import OrderId, PaymentId, RefundId
from shared.contracts.money import Money
from shared.web.views import Page, View


class MoneyView(BaseModel):
    """An amount in minor units; `decimal` is the same as text with the currency's digits."""

    amount: int
    currency: str
    decimal: str


def money(amount: int, currency: str) -> MoneyView:
    """An amount as answers show it."""
    return MoneyView(amount=amount, currency=currency, decimal=Money(amount, currency).decimal)


class ByView(BaseModel):
    """Who did it. A customer sees the role of others, not their ids."""

    role: Role
    id: str | None = None
    via: str | None = None

    @classmethod
    def of(cls, by: Mapping[str, Any], actor: Actor) -> "ByView":
        """`by` as `actor` may see it."""
        return cls(**by) if actor.is_shop or actor.did(by["role"], by["id"]) else cls(role=by["role"])


class RefundUnitsView(BaseModel):
    """Units `first`..`last` of a line."""

    first: int
    last: int


class RefundLineView(BaseModel):
    """What the refund takes of one line, and what becomes of the goods."""

    line: int
    sku: str
    name: str
    quantity: int
    units: list[RefundUnitsView]
    goods: MoneyView
    shipping: MoneyView
    disposition: Disposition
    restock: int
    not_restocked_because: str | None
    waiting_for_inspection: int

    @classmethod
    def of(cls, line: RefundLine, currency: str) -> "RefundLineView":
        """One line."""
        same = ("line", "sku", "name", "quantity", "disposition", "restock", "not_restocked_because")
        return cls(
            **{name: getattr(line, name) for name in same},
            units=[RefundUnitsView(first=units.first, last=units.last) for units in line.units],
            goods=money(line.goods, currency),
            shipping=money(line.shipping, currency),
            waiting_for_inspection=line.waiting,
        )


class RefundSummaryView(BaseModel):
    """A refund in a list: order number, request date and status first."""

    order_number: str
    requested_at: datetime
    status: Status
    refund_id: RefundId
    version: int
    order_id: OrderId
    customer_id: str
    settlement: Settlement
    cause: Cause
    reason: str
    amount: MoneyView
    decided_at: datetime | None
    age_seconds: int
    overdue: bool

    @classmethod
    def of(cls, row: Row[Any] | Refund, now: datetime) -> "RefundSummaryView":
        """One refund; its age ends with its decision."""
        same = ("order_number", "requested_at", "status", "refund_id", "version", "order_id", "customer_id", "settlement", "cause",
                "reason", "decided_at")  # fmt: skip
        until = row.decided_at or now
        overdue = row.status == "processing" and row.overdue_at is not None and row.overdue_at <= now
        return cls(
            **{name: getattr(row, name) for name in same},
            amount=money(row.amount, row.currency),
            age_seconds=int((until - row.requested_at).total_seconds()),
            overdue=overdue,
        )


class RefundPage(Page[RefundSummaryView]):
    """A page of refunds."""


class RefundView(View):
    """A whole refund, as of `version`. `explanation` holds what its amount was made from, in minor units."""

    order_number: str
    requested_at: datetime
    status: Status
    refund_id: RefundId
    version: int
    order_id: OrderId
    customer_id: str
    settlement: Settlement
    cause: Cause
    payment_id: PaymentId | None
    reason: str
    description: str
    further_information: str
    message: str
    internal_reason: str | None = None
    beyond_window_reason: str | None = None
    currency: str
    amount: MoneyView
    goods: MoneyView
    shipping: MoneyView
    overpaid: MoneyView
    shipping_kept: MoneyView
    explanation: dict[str, Any]
    lines: list[RefundLineView]
    policy_version: int
    order_version: int
    requested_by: ByView
    decided_by: ByView | None
    decided_at: datetime | None

    @classmethod
    def of(cls, refund: Refund, actor: Actor) -> "RefundView":
        """The refund as `actor` may see it: internal reasons are the shop's."""
        return cls(**_view(refund, actor))


class ActionView(BaseModel):
    """Whether the caller may do this now; when not, the stable code and a sentence for people."""

    allowed: bool
    code: str | None = None
    detail: str = ""

    @classmethod
    def of(cls, decision: Decision) -> "ActionView":
        """A decision as answers show it."""
        return cls(allowed=decision.allowed, code=decision.code, detail=decision.detail)


class AttachmentView(View):
    """A file; its content is at `GET /v1/attachments/{attachment_id}`."""

    attachment_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "AttachmentView":
        """One file."""
        return cls(**{name: row._mapping[name] for name in cls.model_fields})


class UploadTypeView(BaseModel):
    """A kind of file that is taken; an image of more pixels is refused."""

    media_type: str
    max_pixels: int | None


class UploadLimitsView(View):
    """What an upload may be. `max_unused` is how many of a customer may wait for their request, for `unused_hours` each."""

    types: list[UploadTypeView]
    max_bytes: int
    max_side_pixels: int
    max_unused: int
    unused_hours: int
    max_in_a_request: int


class SettlementView(BaseModel):
    """A report about the money; `counts` is false for what came after the first success and changed nothing."""

    outcome: Outcome
    method: str
    reference: str
    reason: str
    counts: bool
    reported_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "SettlementView":
        """One report."""
        return cls(**{name: row._mapping[name] for name in cls.model_fields})


class RefundDetails(RefundView):
    """A whole refund with its files, its settlement attempts (the shop's) and what the caller may do."""

    attachments: list[AttachmentView]
    settlements: list[SettlementView]
    actions: dict[str, ActionView]

    @classmethod
    def with_more(
        cls, refund: Refund, actor: Actor, *, files: list[AttachmentView], reports: list[SettlementView], decisions: Mapping[str, Decision]
    ) -> "RefundDetails":
        """The refund, its files and reports, and the decisions for `actor`."""
        return cls(
            **_view(refund, actor),
            attachments=files,
            settlements=reports,
            actions={name: ActionView.of(decision) for name, decision in decisions.items()},
        )


class RefundPreviewView(View):
    """What a request would pay right now."""

    order_id: OrderId
    currency: str
    amount: MoneyView
    goods: MoneyView
    shipping: MoneyView
    shipping_deducted: MoneyView
    policy_version: int
    explanation: dict[str, Any]


class RefundableLine(BaseModel):
    """What can still be asked for of one line; `amount` is what all its free units would pay together."""

    line: int
    sku: str
    name: str
    quantity: int
    free: int
    amount: MoneyView


class RefundableView(View):
    """What can still be asked for of an order, and how."""

    order_id: OrderId
    order_number: str
    currency: str
    request: ActionView
    closes_at: datetime | None
    reasons: list[str]
    attachments: bool
    max_attachments: int
    deduct_shipping: bool
    lines: list[RefundableLine]
    amount: MoneyView


class RefundCountsView(View):
    """How many refunds stand where (of overdue ones at most 5,000); how long the last 1,000 decisions took in the middle."""

    processing: int
    approved: int
    cancelled: int
    overdue: int
    median_seconds_to_decide: float | None


class RefundPolicyView(View):
    """A store's refund settings, as of `version`; version 0 is the defaults."""

    version: int
    valid_from: datetime
    manage_stock: bool
    attachments: bool
    deduct_shipping: bool
    window_days: int | None
    reasons: list[str]
    overdue_after_hours: int
    changed_by: ByView | None
    changed_at: datetime | None


class PolicyPage(Page[RefundPolicyView]):
    """Saved versions, newest first."""


class AttentionView(View):
    """What a person must look at."""

    attention_id: str
    kind: str
    order_id: OrderId
    refund_id: RefundId | None
    facts: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None
    closed_by: ByView | None
    note: str

    @classmethod
    def of(cls, row: Row[Any], actor: Actor) -> "AttentionView":
        """One of them."""
        values = {name: row._mapping[name] for name in cls.model_fields}
        return cls(**values | {"closed_by": ByView.of(row.closed_by, actor) if row.closed_by else None})


class AttentionPage(Page[AttentionView]):
    """A page of them, the oldest first."""


MONEY = ("amount", "goods", "shipping", "overpaid", "shipping_kept")


def _view(refund: Refund, actor: Actor) -> dict[str, Any]:
    same = (
        "order_number", "requested_at", "status", "refund_id", "version", "order_id", "customer_id", "settlement", "cause", "payment_id",
        "reason", "description", "further_information", "message", "currency", "explanation", "policy_version",
        "order_version", "decided_at",
    )  # fmt: skip
    return {
        **{name: getattr(refund, name) for name in same},
        **{name: money(getattr(refund, name), refund.currency) for name in MONEY},
        "internal_reason": refund.internal_reason if actor.is_shop else None,
        "beyond_window_reason": refund.beyond_window_reason if actor.is_shop else None,
        "lines": [RefundLineView.of(line, refund.currency) for line in refund.lines],
        "requested_by": ByView.of(refund.requested_by, actor),
        "decided_by": ByView.of(refund.decided_by, actor) if refund.decided_by else None,
    }
