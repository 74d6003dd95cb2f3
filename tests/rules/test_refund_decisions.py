"""Who may do what with a refund, over the whole product of roles and states; the settlement table; what becomes of goods."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from services.refunds.rules.decisions import Wish, may_decide, may_inspect, may_pay, may_request, may_settle, may_withdraw
from services.refunds.rules.goods import Restock, disposition_by_policy, disposition_of_cancelled, restock
from services.refunds.rules.policy import DEFAULT_POLICY
from services.refunds.rules.settlement import SETTLEMENT, Effect, settlement_of
from services.refunds.state import KnownOrder, KnownPayment, Line, Policy, RefundState
from shared.contracts.actor import Actor
from shared.contracts.events import By, Cancellation, OrderStatus

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CUSTOMER, OTHER, STAFF = Actor("s", "customer", "c1"), Actor("s", "customer", "c2"), Actor("s", "staff", "anna")
PLATFORM, BEHALF = Actor("s", "platform", "shop"), Actor("s", "customer", "c1", via="shop")
GUEST = Actor("s", "guest", "order_01h455vb4pex5vsknk084sn02q")
ORDER = KnownOrder(
    order_id="order_01h455vb4pex5vsknk084sn02q", number="1", customer_id="c1", version=5, status="delivered", currency="EUR",
    lines=(Line(1, "A", 2, 10_000, stock_tracked=True), Line(2, "B", 1, 5_000)), shipping=1_000, delivered_at=NOW - timedelta(days=1),
    payments=(KnownPayment("p", 11_000, 5),),
)  # fmt: skip
NO_FILES = replace(DEFAULT_POLICY, attachments=False)
PAST, FUTURE = NOW, NOW + timedelta(seconds=1)


def with_status(status: OrderStatus) -> KnownOrder:
    return replace(ORDER, status=status)


@pytest.mark.parametrize(
    ("order", "actor", "policy", "wish", "closes_at", "expected"),
    [
        (ORDER, CUSTOMER, DEFAULT_POLICY, Wish("damaged"), None, None),
        (ORDER, BEHALF, DEFAULT_POLICY, Wish("damaged"), None, None),
        (ORDER, STAFF, DEFAULT_POLICY, Wish("damaged"), None, None),
        (with_status("pending"), CUSTOMER, DEFAULT_POLICY, Wish("damaged"), None, "delivery_not_seen_yet"),
        (with_status("shipped"), STAFF, DEFAULT_POLICY, Wish("damaged"), None, "delivery_not_seen_yet"),
        (with_status("cancelled"), CUSTOMER, DEFAULT_POLICY, Wish("damaged"), None, "order_cancelled"),
        (ORDER, CUSTOMER, DEFAULT_POLICY, Wish("damaged"), FUTURE, None),
        (ORDER, CUSTOMER, DEFAULT_POLICY, Wish("damaged"), PAST, "window_over"),
        (ORDER, CUSTOMER, DEFAULT_POLICY, Wish("damaged", beyond_window_reason="please"), PAST, "window_over"),
        (ORDER, STAFF, DEFAULT_POLICY, Wish("damaged"), PAST, "window_over"),
        (ORDER, STAFF, DEFAULT_POLICY, Wish("damaged", beyond_window_reason="loyal customer"), PAST, None),
        (ORDER, CUSTOMER, DEFAULT_POLICY, Wish("bored"), None, "reason_not_offered"),
        (ORDER, CUSTOMER, replace(DEFAULT_POLICY, reasons=("bored",)), Wish("bored"), None, None),
        (ORDER, CUSTOMER, DEFAULT_POLICY, Wish("damaged", with_attachments=True, with_further_information=True), None, None),
        (ORDER, CUSTOMER, NO_FILES, Wish("damaged", with_attachments=True), None, "attachments_off"),
        (ORDER, CUSTOMER, NO_FILES, Wish("damaged", with_further_information=True), None, "attachments_off"),
        (ORDER, CUSTOMER, NO_FILES, Wish("damaged"), None, None),
    ],
)
def test_who_may_request(
    order: KnownOrder, actor: Actor, policy: Policy, wish: Wish, *, closes_at: datetime | None, expected: str | None
) -> None:
    assert may_request(order, actor, policy, wish, closes_at=closes_at, now=NOW).code == expected


def test_too_early_says_when_to_come_back() -> None:
    decision = may_request(with_status("confirmed"), CUSTOMER, DEFAULT_POLICY, Wish("damaged"), closes_at=None, now=NOW)
    assert (decision.kind, decision.retry_after_seconds) == ("not_yet", 1)


OPEN = RefundState("processing", "none", "c1", 11_000)
APPROVED = RefundState("approved", "unsettled", "c1", 11_000)
FREE = RefundState("approved", "none", "c1", 0)
CANCELLED = RefundState("cancelled", "none", "c1", 11_000)
STATES = {"open": OPEN, "approved": APPROVED, "free": FREE, "cancelled": CANCELLED}
WHO = {"customer": CUSTOMER, "other": OTHER, "staff": STAFF, "platform": PLATFORM, "on_behalf": BEHALF, "guest": GUEST}


def test_every_role_in_every_state() -> None:
    """What is not listed is refused to those who never may, before the state is looked at."""
    shop = {"staff", "platform"}
    own = {"customer", "on_behalf"}
    after = {"open": None, "approved": "already_approved", "free": "already_approved", "cancelled": "already_cancelled"}
    settle = {"open": "not_approved", "approved": None, "free": "nothing_to_settle", "cancelled": "not_approved"}
    inspect = {"open": "not_approved", "approved": None, "free": None, "cancelled": "not_approved"}
    for state, who in product(STATES, WHO):
        refund, actor = STATES[state], WHO[who]
        assert may_decide(refund, actor).code == (after[state] if who in shop else "staff_only"), (state, who)
        assert may_withdraw(refund, actor).code == (after[state] if who in own else "customer_only"), (state, who)
        assert may_settle(refund, actor).code == (settle[state] if who in shop else "staff_only"), (state, who)
        assert may_inspect(refund, actor).code == (inspect[state] if who in shop else "staff_only"), (state, who)


@pytest.mark.parametrize(
    ("collected", "approved", "amount", "expected"),
    [
        (11_000, 0, 11_000, None),
        (0, 0, 11_000, "not_collected"),  # case 11
        (11_000, 1, 11_000, "not_collected"),
        (10_999, 0, 11_000, "not_collected"),
        (-100, 0, 0, None),
        (5_000, 9_000, 0, None),  # a later reversal stops no goods from coming back
        (5_000, 9_000, 1, "not_collected"),
    ],
)
def test_money_is_approved_only_while_it_is_there(collected: int, approved: int, amount: int, expected: str | None) -> None:
    order = replace(ORDER, payments=(KnownPayment("p", collected, 5),))
    assert may_pay(order, amount, approved).code == expected


def test_the_first_success_is_final() -> None:
    assert {
        ("unsettled", "succeeded"): Effect("settled", None),
        ("unsettled", "failed"): Effect("failed", None),
        ("failed", "succeeded"): Effect("settled", None),
        ("failed", "failed"): Effect("failed", None),
        ("settled", "succeeded"): Effect("settled", "settled_twice"),
        ("settled", "failed"): Effect("settled", "failed_after_settled"),
    } == SETTLEMENT
    assert (settlement_of(0), settlement_of(1)) == ("none", "unsettled")


TRACKED, UNTRACKED = ORDER.lines


@pytest.mark.parametrize(
    ("line", "disposition", "expected"),
    [
        (TRACKED, "restock", Restock(2, None)),
        (TRACKED, "inspect", Restock(0, "waits_for_inspection")),
        (TRACKED, "discard", Restock(0, "discarded")),
        (TRACKED, "never_left", Restock(0, "never_left")),
        (UNTRACKED, "restock", Restock(0, "stock_not_tracked")),  # case 13
        (UNTRACKED, "inspect", Restock(0, "stock_not_tracked")),
        (UNTRACKED, "discard", Restock(0, "discarded")),
        (UNTRACKED, "never_left", Restock(0, "never_left")),
    ],
)
def test_what_goes_back_to_stock(line: Line, disposition: str, expected: Restock) -> None:
    assert restock(line, 2, disposition) == expected  # type: ignore[arg-type]  # a table of plain words


@pytest.mark.parametrize(
    ("origin", "manage_stock", "expected"),
    [
        ("pending", True, "never_left"),
        ("confirmed", True, "never_left"),
        ("picked_up", True, "restock"),
        ("shipped", True, "restock"),
        ("picked_up", False, "inspect"),
        ("shipped", False, "inspect"),
    ],
)
def test_where_goods_of_a_cancelled_order_go(origin: OrderStatus, manage_stock: bool, expected: str) -> None:
    cancellation = Cancellation(
        by=By(role="customer", id="c1"), cancelled_from=origin, reason="", order_version=5, occurred_at=NOW, recorded_at=NOW
    )
    order = replace(ORDER, status="cancelled", cancellation=cancellation)
    assert disposition_of_cancelled(order, replace(DEFAULT_POLICY, manage_stock=manage_stock)) == expected


def test_manage_stock_decides_the_default_disposition() -> None:
    assert disposition_by_policy(DEFAULT_POLICY) == "inspect"
    assert disposition_by_policy(replace(DEFAULT_POLICY, manage_stock=True)) == "restock"
