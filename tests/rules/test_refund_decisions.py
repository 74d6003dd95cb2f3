"""Who may do what with a refund, over the whole product of roles and states; the settlement table; what becomes of goods."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from services.refunds.requests import RequestRefund
from services.refunds.rules.decisions import may_decide, may_inspect, may_request, may_settle, may_withdraw
from services.refunds.rules.goods import Restock, disposition_by_policy, disposition_of, restock
from services.refunds.rules.policy import DEFAULT_POLICY
from services.refunds.state import KnownOrder, KnownPayment, Line, Policy, RefundSummary, Settlement, Status
from shared.contracts.actor import Actor
from shared.contracts.events import By, Cancellation, OrderStatus
from shared.contracts.ids import new_id

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


FILE = new_id("attachment")


def wish(**asked: Any) -> RequestRefund:
    body = {"order_id": ORDER.order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged"}
    return RequestRefund.model_validate(body | asked)


def with_status(status: OrderStatus) -> KnownOrder:
    return replace(ORDER, status=status)


@pytest.mark.parametrize(
    ("order", "actor", "policy", "wanted", "closes_at", "expected"),
    [
        (ORDER, CUSTOMER, DEFAULT_POLICY, wish(), None, None),
        (ORDER, BEHALF, DEFAULT_POLICY, wish(), None, None),
        (ORDER, STAFF, DEFAULT_POLICY, wish(), None, None),
        (with_status("pending"), CUSTOMER, DEFAULT_POLICY, wish(), None, "delivery_not_seen_yet"),
        (with_status("shipped"), STAFF, DEFAULT_POLICY, wish(), None, "delivery_not_seen_yet"),
        (with_status("cancelled"), CUSTOMER, DEFAULT_POLICY, wish(), None, "order_cancelled"),
        (ORDER, CUSTOMER, DEFAULT_POLICY, wish(), FUTURE, None),
        (ORDER, CUSTOMER, DEFAULT_POLICY, wish(), PAST, "window_over"),
        (ORDER, CUSTOMER, DEFAULT_POLICY, wish(beyond_window_reason="please"), PAST, "window_over"),
        (ORDER, STAFF, DEFAULT_POLICY, wish(), PAST, "window_over"),
        (ORDER, STAFF, DEFAULT_POLICY, wish(beyond_window_reason="loyal customer"), PAST, None),
        (ORDER, CUSTOMER, DEFAULT_POLICY, wish(reason="bored"), None, "reason_not_offered"),
        (ORDER, CUSTOMER, replace(DEFAULT_POLICY, reasons=("bored",)), wish(reason="bored"), None, None),
        (ORDER, CUSTOMER, DEFAULT_POLICY, wish(attachments=[FILE], further_information="x"), None, None),
        (ORDER, CUSTOMER, NO_FILES, wish(attachments=[FILE]), None, "attachments_off"),
        (ORDER, CUSTOMER, NO_FILES, wish(further_information="x"), None, "attachments_off"),
        (ORDER, CUSTOMER, NO_FILES, wish(), None, None),
    ],
)
def test_who_may_request(
    order: KnownOrder, actor: Actor, policy: Policy, wanted: RequestRefund, *, closes_at: datetime | None, expected: str | None
) -> None:
    assert may_request(order, actor, policy, wanted, closes_at=closes_at, now=NOW).code == expected


def test_too_early_says_when_to_come_back() -> None:
    decision = may_request(with_status("confirmed"), CUSTOMER, DEFAULT_POLICY, wish(), closes_at=None, now=NOW)
    assert (decision.kind, decision.retry_after_seconds) == ("not_yet", 1)


def refund(status: Status, settlement: Settlement, *, amount: int = 11_000) -> RefundSummary:
    return RefundSummary(
        refund_id="refund_01h455vb4pex5vsknk084sn02q", order_id=ORDER.order_id, order_number="1", requested_at=NOW, status=status,
        settlement=settlement, cause="request", customer_id="c1", reason="damaged", currency="EUR", amount=amount, credit=amount, version=1,
    )  # fmt: skip


OPEN = refund("processing", "none")
APPROVED = refund("approved", "unsettled")
FREE = refund("approved", "none", amount=0)
CANCELLED = refund("cancelled", "none")
STATES = {"open": OPEN, "approved": APPROVED, "free": FREE, "cancelled": CANCELLED}
WHO = {"customer": CUSTOMER, "other": OTHER, "staff": STAFF, "platform": PLATFORM, "on_behalf": BEHALF, "guest": GUEST}


def test_every_role_in_every_state() -> None:
    """What is not listed is refused to those who never may, before the state is looked at."""
    shop = {"staff", "platform"}
    own = {"customer", "on_behalf"}
    after = {"open": None, "approved": "already_approved", "free": "already_approved", "cancelled": "refund_cancelled"}
    settle = {"open": "not_approved", "approved": None, "free": "nothing_to_settle", "cancelled": "not_approved"}
    inspect = {"open": "not_approved", "approved": None, "free": None, "cancelled": "not_approved"}
    for state, who in product(STATES, WHO):
        one, actor = STATES[state], WHO[who]
        assert may_decide(one, actor).code == (after[state] if who in shop else "shop_only"), (state, who)
        assert may_withdraw(one, actor).code == (after[state] if who in own else "customer_only"), (state, who)
        assert may_settle(one, actor).code == (settle[state] if who in shop else "shop_only"), (state, who)
        assert may_inspect(one, actor).code == (inspect[state] if who in shop else "shop_only"), (state, who)


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
    assert disposition_of(order, replace(DEFAULT_POLICY, manage_stock=manage_stock)) == expected


def test_what_is_digital_never_left() -> None:
    assert disposition_of(replace(ORDER, status="delivered", fulfilment="digital"), DEFAULT_POLICY) == "never_left"
    assert disposition_of(replace(ORDER, status="delivered", fulfilment="pickup"), DEFAULT_POLICY) == "inspect"


def test_manage_stock_decides_the_default_disposition() -> None:
    assert disposition_by_policy(DEFAULT_POLICY) == "inspect"
    assert disposition_by_policy(replace(DEFAULT_POLICY, manage_stock=True)) == "restock"
