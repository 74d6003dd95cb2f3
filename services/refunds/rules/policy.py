"""A store's refund settings, and which version applies when. Seed section 9.1; the README explains each setting."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.refunds.requests import RefundPolicyInput
from services.refunds.state import DEFAULT_REASONS, Policy
from shared.contracts.errors import Refused

DEFAULT_POLICY = Policy(version=0, valid_from=datetime(1970, 1, 1, tzinfo=UTC))
"""The defaults that every store starts with: version 0, which is not stored."""


def in_force(policies: Iterable[Policy], at: datetime) -> Policy:
    """The version in force at `at`: the one with the latest `valid_from` not after `at`; among equals, the last saved.

    So a change saved for a later day still takes effect on that day, whatever was changed in the meantime.
    """
    begun = [policy for policy in policies if policy.valid_from <= at]
    return max(begun, key=lambda policy: (policy.valid_from, policy.version), default=DEFAULT_POLICY)


def content_of(wanted: RefundPolicyInput, *, now: datetime) -> dict[str, Any]:
    """The values of the next version, by the field names of Policy. It is in force from now unless `wanted` names a later time.

    Raises Refused `policy_in_the_past`.
    """
    valid_from = wanted.valid_from or now
    if valid_from < now:
        raise Refused("policy_in_the_past", "Settings can only take effect from the moment of saving or later.", now=now.isoformat())
    return wanted.model_dump() | {"valid_from": valid_from, "reasons": list(dict.fromkeys(wanted.reasons or DEFAULT_REASONS))}


def window_end(policy: Policy, delivered_at: datetime, zone: str) -> datetime | None:
    """The first instant at which a request is too late: the end of the n-th day after delivery in the store's zone.

    None if the store has no window. `zone` is an IANA name.
    """
    if policy.window_days is None:
        return None
    day_of_delivery = delivered_at.astimezone(ZoneInfo(zone)).date()
    first_day_too_late = day_of_delivery + timedelta(days=policy.window_days + 1)
    return datetime.combine(first_day_too_late, datetime.min.time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
