"""The whole product of statuses × steps × actors, and the other things that a status allows."""

from typing import Any

import pytest

from services.orders.rules.actions import actions
from services.orders.rules.edit import EDITABLE, difference, may_edit
from services.orders.rules.status import may_move, may_report_failed_delivery
from services.orders.state import StoreSettings
from shared.contracts.events import Fulfilment, OrderStatus, Tracking
from shared.contracts.lifecycle import STEPS, Step
from tests.rules.orders import ACTORS, NOW, PLATFORM, STAFF, STATUSES, SYSTEM, order

SHOP = ("staff", "platform", "system")


@pytest.mark.parametrize("who", ACTORS)
@pytest.mark.parametrize("status", STATUSES)
def test_forward_only_and_skipping_allowed(who: str, status: OrderStatus) -> None:
    for step in STEPS:
        code = may_move(order(status), step, ACTORS[who]).code
        if who not in SHOP:
            assert code == ("read_only" if who == "reader" else "shop_only")
        elif status == "cancelled":
            assert code == "already_cancelled"
        else:
            here, there = STATUSES.index(status), STATUSES.index(step)
            assert code == (None if there > here else "already_there" if there == here else "not_forward")


def test_a_refusal_says_what_would_be_accepted() -> None:
    assert may_move(order("picked_up"), "confirmed", STAFF).facts == {"forward": ["shipped", "delivered"]}


@pytest.mark.parametrize(
    ("status", "code"),
    [("pending", "nothing_to_deliver"), ("confirmed", None), ("picked_up", None), ("shipped", None),
     ("delivered", "nothing_to_deliver"), ("cancelled", "nothing_to_deliver")],
)  # fmt: skip
def test_when_a_delivery_can_fail(status: OrderStatus, code: str | None) -> None:
    for actor in (STAFF, PLATFORM, SYSTEM):
        assert may_report_failed_delivery(order(status), actor).code == code
    assert may_report_failed_delivery(order(status), ACTORS["customer"]).code == "shop_only"


# customer, shipping_address, billing_address, tracking: what refuses each correction; None is allowed.
EDITS: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    "pending": (None, None, None, "tracking_too_early"),
    "confirmed": (None, None, "billing_address_frozen", None),
    "picked_up": (None, "shipping_address_frozen", "billing_address_frozen", None),
    "shipped": (None, "shipping_address_frozen", "billing_address_frozen", None),
    "delivered": (None, "shipping_address_frozen", "billing_address_frozen", None),
    "cancelled": (None, "already_cancelled", "already_cancelled", "already_cancelled"),
}


@pytest.mark.parametrize("status", STATUSES)
def test_what_can_be_corrected_when(status: OrderStatus) -> None:
    for tracking in (None, Tracking(carrier="Pathao", number="P-1")):
        one = order(status, tracking=tracking)
        said = {part: may_edit(one, part, STAFF, now=NOW).code for part in EDITABLE}
        assert tuple(said.pop(part) for part in ("customer", "shipping_address", "billing_address", "tracking")) == EDITS[status]
        assert {said.pop(part) for part in ("customer_note", "tags", "metadata")} == {None}
        assert (said.pop("documents"), may_edit(one, "documents", ACTORS["platform"], now=NOW).code) == ("platform_only", None)
        assert set(said) == {
            "company", "tax_numbers", "buyer_reference", "shipping_method", "payment_method", "supplied_on", "payment_due_on",
            "place_of_supply", "lines", "shipping",
        }  # fmt: skip
        late = {"pending": None, "cancelled": "already_cancelled"}
        assert said == {part: late.get(status, f"{part}_frozen") for part in said}
        assert {may_edit(one, part, ACTORS["customer"], now=NOW).code for part in EDITABLE} == {"shop_only", "platform_only"}


DIFFERENCES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": 1}, {"a": 1}, {}, {}),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 2}}, {"a": {"c": 3}}),
    ({"a": None}, {"a": {"b": 1}}, {"a": None}, {"a": {"b": 1}}),
    ({"a": {"b": 1}}, {"a": None}, {"a": {"b": 1}}, {"a": None}),
]


@pytest.mark.parametrize(("before", "after", "old", "new"), DIFFERENCES)
def test_history_keeps_only_what_differs(before: dict[str, Any], after: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> None:
    assert difference(before, after) == (old, new)


def test_actions_name_every_command_for_every_actor() -> None:
    for actor in ACTORS.values():
        for status in STATUSES:
            decisions = actions(order(status), actor, StoreSettings(), now=NOW)
            assert set(decisions) == {
                "confirm", "pick_up", "ship", "deliver", "report_failed_delivery", "record_payment", "amend", "part_cancel", "cancel",
                "change_parcels", "close_difference", "hand_over", *(f"edit_{part}" for part in EDITABLE),
            }  # fmt: skip
            assert all(decision.detail for decision in decisions.values() if not decision.allowed)


@pytest.mark.parametrize(
    ("fulfilment", "steps"),
    [
        ("shipping", ["confirmed", "picked_up", "shipped", "delivered"]),
        ("pickup", ["confirmed", "picked_up", "delivered"]),
        ("digital", ["confirmed", "delivered"]),
    ],
)
def test_a_step_that_does_not_exist_is_refused(fulfilment: Fulfilment, steps: list[Step]) -> None:
    pending = order(fulfilment=fulfilment)
    said = {step: may_move(pending, step, STAFF) for step in STEPS}
    assert [step for step in STEPS if said[step].allowed] == steps
    assert {decision.code for decision in said.values() if not decision.allowed} <= {"nothing_is_shipped"}
    assert all(decision.facts == {"forward": steps} for decision in said.values() if not decision.allowed)
