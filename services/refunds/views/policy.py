"""A store's refund settings."""

from datetime import datetime

from services.refunds.state import Policy
from shared.contracts.actor import Actor
from shared.web.views import ByView, View


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
    saved_by: ByView | None
    saved_at: datetime | None

    @classmethod
    def of(cls, policy: Policy, actor: Actor) -> "RefundPolicyView":
        """The version as `actor` may see it."""
        saved_by = ByView.of_row(policy.saved_by, actor) if policy.saved_by else None
        return cls.showing(policy, reasons=list(policy.reasons), saved_by=saved_by)
