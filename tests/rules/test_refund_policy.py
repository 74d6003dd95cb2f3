"""Which version of a store's refund settings applies, and when its window for asking closes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.refunds.rules.policy import DEFAULT_POLICY, in_force, window_end
from services.refunds.state import Policy


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def version(number: int, valid_from: datetime) -> Policy:
    return replace(DEFAULT_POLICY, version=number, valid_from=valid_from)


@pytest.mark.parametrize(
    ("versions", "at", "expected"),
    [
        ([], day(1), 0),
        ([version(2, day(5))], day(4), 0),
        ([version(2, day(5))], day(5), 2),
        ([version(2, day(5)), version(3, day(6))], day(9), 3),
        ([version(2, day(20)), version(3, day(6))], day(9), 3),
        ([version(2, day(20)), version(3, day(6))], day(20), 2),
        ([version(2, day(5)), version(3, day(5))], day(5), 3),
    ],
)
def test_the_version_in_force(versions: list[Policy], at: datetime, expected: int) -> None:
    assert in_force(versions, at).version == expected


def test_a_store_starts_from_the_defaults_of_the_product() -> None:
    assert (DEFAULT_POLICY.manage_stock, DEFAULT_POLICY.attachments, DEFAULT_POLICY.deduct_shipping) == (False, True, False)
    assert DEFAULT_POLICY.window_days is None


@pytest.mark.parametrize(
    ("days", "zone", "delivered", "expected"),
    [
        (14, "UTC", datetime(2026, 3, 1, 23, 59, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)),
        (0, "UTC", datetime(2026, 3, 1, 0, 0, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)),
        (1, "Asia/Dhaka", datetime(2026, 3, 1, 17, 59, tzinfo=UTC), datetime(2026, 3, 2, 18, tzinfo=UTC)),
        (1, "Asia/Dhaka", datetime(2026, 3, 1, 18, 0, tzinfo=UTC), datetime(2026, 3, 3, 18, tzinfo=UTC)),
        (1, "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),  # summer time began
        (None, "UTC", datetime(2026, 3, 1, tzinfo=UTC), None),
    ],
)
def test_the_window_closes_with_the_nth_day_of_the_stores_zone(
    days: int | None, zone: str, delivered: datetime, expected: datetime | None
) -> None:
    assert window_end(replace(DEFAULT_POLICY, window_days=days), delivered, zone) == expected
