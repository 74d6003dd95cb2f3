"""How far each status is, for every pair; and what each kind of decision becomes to a caller."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from shared.contracts.actor import Actor, Decision, Role, allowed, customer_only, forbidden, not_yet, refused, shop_only
from shared.contracts.errors import Failure, Forbidden, Refused
from shared.contracts.events import By, Cancellation
from shared.contracts.lifecycle import STEPS, Fulfilment, OrderStatus, furthest, goods_left, invoiced, reached, steps_ahead

CANCELLED = Cancellation(
    by=By(role="staff", id="s"), cancelled_from="picked_up", reason="", order_version=3,
    occurred_at=datetime(2026, 1, 1, tzinfo=UTC), recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
WAY = ("pending", "confirmed", "picked_up", "shipped", "delivered")


@pytest.mark.parametrize("status", get_args(OrderStatus))
@pytest.mark.parametrize("at_least", get_args(OrderStatus))
def test_an_order_has_reached_what_lies_before_it(status: OrderStatus, at_least: OrderStatus) -> None:
    on_the_way = status in WAY and at_least in WAY and WAY.index(at_least) <= WAY.index(status)
    assert reached(status, at_least) == (on_the_way or status == at_least)


def test_what_follows_from_a_status() -> None:
    assert [status for status in get_args(OrderStatus) if invoiced(status)] == list(STEPS)
    assert [status for status in get_args(OrderStatus) if goods_left(status)] == ["picked_up", "shipped", "delivered"]
    assert [status for status in get_args(OrderStatus) if goods_left(status, "pickup")] == ["picked_up", "shipped", "delivered"]
    assert not any(goods_left(status, "digital") for status in get_args(OrderStatus))
    assert {kind: steps_ahead("pending", kind) for kind in get_args(Fulfilment)} == {
        "shipping": ["confirmed", "picked_up", "shipped", "delivered"],
        "pickup": ["confirmed", "picked_up", "delivered"],
        "digital": ["confirmed", "delivered"],
    }
    assert steps_ahead("picked_up", "pickup") == ["delivered"]
    assert {status: steps_ahead(status) for status in ("pending", "picked_up", "delivered", "cancelled")} == {
        "pending": list(STEPS), "picked_up": ["shipped", "delivered"], "delivered": [], "cancelled": [],
    }  # fmt: skip
    assert (furthest("shipped", None), furthest("cancelled", CANCELLED)) == ("shipped", "picked_up")


@pytest.mark.parametrize(
    ("decision", "failure", "status", "retry_after"),
    [
        (refused("already_cancelled", "It was cancelled before.", at="noon"), Refused, 409, None),
        (forbidden("shop_only"), Forbidden, 403, None),
        (not_yet("delivery_not_seen_yet", at="noon"), Refused, 409, 1),
    ],
)
def test_the_kind_of_a_decision_makes_the_status(decision: Decision, failure: type[Failure], status: int, retry_after: int | None) -> None:
    with pytest.raises(failure) as raised:
        decision.or_raise()
    assert (raised.value.code, raised.value.status, raised.value.retry_after_seconds) == (decision.code, status, retry_after)
    assert (raised.value.detail, raised.value.facts) == (decision.detail, decision.facts)
    allowed().or_raise()


@pytest.mark.parametrize(
    ("actor", "codes"),
    [
        (("staff", "s", False), [None, None, "customer_only"]),
        (("platform", "p", False), [None, None, "customer_only"]),
        (("system", "refunds", False), [None, None, "customer_only"]),
        (("staff", "c-1", True), ["read_only", None, "customer_only"]),
        (("customer", "c-1", False), ["shop_only", "shop_only", None]),
        (("customer", "c-1", True), ["shop_only", "shop_only", "read_only"]),
        (("customer", "c-2", False), ["shop_only", "shop_only", "customer_only"]),
        (("guest", "order_x", True), ["shop_only", "shop_only", "customer_only"]),
    ],
)
def test_who_may(actor: tuple[Role, str, bool], codes: list[str | None]) -> None:
    """Allowed, or refused with which code: for the shop to change, for the shop to read, for the customer c-1."""
    role, actor_id, read_only = actor
    caller = Actor("store", role, actor_id, read_only=read_only)
    decisions = (shop_only(caller), shop_only(caller, to_read=True), customer_only(caller, "c-1"))
    assert [decision.code for decision in decisions] == codes
    assert {decision.kind for decision in decisions if not decision.allowed} <= {"forbidden"}
