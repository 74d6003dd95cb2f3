"""A store's refund settings."""

from datetime import datetime

from services.refunds.state import Policy
from services.refunds.views import by_view
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
    changed_by: ByView | None
    changed_at: datetime | None

    @classmethod
    def of(cls, policy: Policy, actor: Actor) -> "RefundPolicyView":
        """The version as `actor` may see it."""
        return cls(
            version=policy.version,
            valid_from=policy.valid_from,
            manage_stock=policy.manage_stock,
            attachments=policy.attachments,
            deduct_shipping=policy.deduct_shipping,
            window_days=policy.window_days,
            reasons=list(policy.reasons),
            overdue_after_hours=policy.overdue_after_hours,
            changed_by=by_view(policy.changed_by, actor) if policy.changed_by else None,
            changed_at=policy.changed_at,
        )
