"""Who may cancel: the whole product of presets × actors × payment × status × failed delivery, from a table written a second time."""

from itertools import product

import pytest

from services.orders.rules.cancel import CANCEL_PRESETS, lines_to_release, may_cancel
from services.orders.state import CancelPreset, CustomerStop
from shared.contracts.events import OrderStatus
from tests.rules.orders import ACTORS, CUSTOMER, ON_BEHALF, STATUSES, order

BEFORE_DELIVERED = ("pending", "confirmed", "picked_up", "shipped")


def expected(preset: str, who: str, status: str, *, paid: bool, failed: bool) -> str | None:
    """The code that the product page's table asks for, read row by row; None is allowed."""
    if who in ("guest", "reader", "system"):
        return "read_only"
    if status == "cancelled":
        return "already_cancelled"
    if status == "delivered":
        return "delivered"
    if preset == "cancellation-control" and who == "staff" and not paid and not failed:
        return "unpaid_is_the_customers"
    if preset == "order-cancellation" and who in ("customer", "on_behalf") and not paid:
        return "unpaid_locked"
    return None


@pytest.mark.parametrize("preset", CANCEL_PRESETS)
@pytest.mark.parametrize("who", ACTORS)
def test_the_whole_policy(preset: CancelPreset, who: str) -> None:
    for status, paid, failed in product(STATUSES, (True, False), (True, False)):
        decision = may_cancel(order(status, paid=paid, failed=failed), ACTORS[who], preset, "delivered")
        assert decision.code == expected(preset, who, status, paid=paid, failed=failed), (status, paid, failed)


@pytest.mark.parametrize("stop", ["picked_up", "shipped", "delivered"])
@pytest.mark.parametrize("status", BEFORE_DELIVERED)
def test_a_store_can_stop_its_customers_earlier(stop: CustomerStop, status: OrderStatus) -> None:
    late = STATUSES.index(status) >= STATUSES.index(stop)
    for actor in (CUSTOMER, ON_BEHALF):
        code = may_cancel(order(status, paid=True), actor, "cancellation-control", stop).code
        assert code == ("too_late_for_customers" if late else None)
    assert may_cancel(order(status, paid=True), ACTORS["staff"], "cancellation-control", stop).allowed


@pytest.mark.parametrize(("status", "released"), [("pending", 1), ("confirmed", 1), ("picked_up", 0), ("shipped", 0)])
def test_only_what_had_not_left_is_released(status: OrderStatus, released: int) -> None:
    assert len(lines_to_release(order(status))) == released
    untracked = order(status).lines[0].model_copy(update={"stock_tracked": False})
    assert lines_to_release(order(status, lines=(untracked,))) == ()
