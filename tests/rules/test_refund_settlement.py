"""The effect of reports about money that goes back, in parts and in whole, and whether it is known where it can go."""

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.refunds.requests import ReportSettlement
from services.refunds.rules.decisions import may_report, may_say_where
from services.refunds.rules.pay_to import pay_to_missing
from services.refunds.rules.settlement import Effect, effect_of, settlement_of
from services.refunds.state import KnownPayment, RefundSummary, Settlement, SettlementReport
from shared.contracts.actor import Actor
from shared.contracts.ids import new_id
from tests.rules.test_refund_decisions import APPROVED, CANCELLED, CUSTOMER, FREE, GUEST, NOW, OPEN, ORDER, OTHER, PLATFORM, STAFF

Outcome = Literal["succeeded", "failed"]


def sent(settlement: Settlement, settled_amount: int) -> RefundSummary:
    return replace(APPROVED, settlement=settlement, settled_amount=settled_amount)


@pytest.mark.parametrize(
    ("before", "outcome", "amount", "expected"),
    [
        (sent("unsettled", 0), "succeeded", 11_000, Effect("settled", 11_000)),
        (sent("unsettled", 0), "succeeded", 3_000, Effect("unsettled", 3_000)),
        (sent("unsettled", 0), "succeeded", 11_001, Effect("unsettled", 0, "settled_twice")),
        (sent("unsettled", 0), "failed", 11_000, Effect("failed", 0)),
        (sent("unsettled", 3_000), "succeeded", 8_000, Effect("settled", 11_000)),
        (sent("unsettled", 3_000), "succeeded", 8_001, Effect("unsettled", 3_000, "settled_twice")),
        (sent("unsettled", 3_000), "failed", 8_000, Effect("failed", 3_000)),
        (sent("failed", 0), "succeeded", 11_000, Effect("settled", 11_000)),
        (sent("failed", 3_000), "succeeded", 1_000, Effect("unsettled", 4_000)),
        (sent("failed", 3_000), "succeeded", 8_001, Effect("failed", 3_000, "settled_twice")),
        (sent("failed", 3_000), "failed", 8_000, Effect("failed", 3_000)),
        (sent("settled", 11_000), "succeeded", 0, Effect("settled", 11_000, "settled_twice")),
        (sent("settled", 11_000), "succeeded", 8_000, Effect("settled", 11_000, "settled_twice")),
        (sent("settled", 11_000), "failed", 8_000, Effect("settled", 11_000, "failed_after_settled")),
    ],
)
def test_successes_count_until_they_add_up(before: RefundSummary, outcome: Outcome, amount: int, expected: Effect) -> None:
    assert effect_of(before, outcome, amount) == expected
    assert (settlement_of(0), settlement_of(1)) == ("none", "unsettled")


@given(st.lists(st.tuples(st.sampled_from(["succeeded", "failed"]), st.one_of(st.none(), st.integers(1, 12_000)))))
def test_what_counts_adds_up_to_what_is_settled(reports: list[tuple[Outcome, int | None]]) -> None:
    refund, counted = APPROVED, 0
    for outcome, said in reports:
        amount = refund.left_to_send if said is None else said
        effect = effect_of(refund, outcome, amount)
        counted += amount if effect.counts and outcome == "succeeded" else 0
        refund = replace(refund, settlement=effect.settlement, settled_amount=effect.settled_amount)
        assert refund.settled_amount == counted <= refund.amount
        assert (refund.settlement == "settled") == (counted == refund.amount)


PAYMENT, OTHERS = new_id("payment"), new_id("payment")
PAID = replace(ORDER, payments=(KnownPayment(PAYMENT, 11_000, 1), KnownPayment(OTHERS, -4_000, 2, reverses=PAYMENT)))


def report(**said: object) -> ReportSettlement:
    return ReportSettlement.model_validate({"outcome": "succeeded", "reference": "t-1", "method": "card"} | said)


def test_the_same_attempt_says_the_same() -> None:
    known = SettlementReport(
        number=1,
        outcome="succeeded",
        method="card",
        reference="t-1",
        amount=3_000,
        payment_id=PAYMENT,
        reason="",
        counts=True,
        reported_at=NOW,
    )
    same = (report(), report(amount=3_000), report(payment_id=PAYMENT), report(amount=3_000, payment_id=PAYMENT))
    assert [may_report(PAID, one, known).code for one in same] == [None] * 4
    for other in (report(amount=3_001), report(amount=3_000, payment_id=OTHERS)):
        assert may_report(PAID, other, known).code == "settlement_conflict"
    assert may_report(PAID, report(payment_id=PAYMENT), replace(known, payment_id=None)).code == "settlement_conflict"


def test_money_goes_back_to_a_payment_of_the_order() -> None:
    assert may_report(PAID, report(payment_id=PAYMENT), None).code is None
    for unknown in (OTHERS, new_id("payment")):  # a reversal is no payment
        early = may_report(PAID, report(payment_id=unknown), None)
        assert (early.code, early.kind, early.retry_after_seconds) == ("payment_not_seen_yet", "not_yet", 1)
    assert (PAID.brought_by(PAYMENT), PAID.brought_by(OTHERS)) == (7_000, None)


@pytest.mark.parametrize(
    ("refund", "actor", "code"),
    [
        (OPEN, CUSTOMER, None), (OPEN, STAFF, None), (OPEN, PLATFORM, None), (APPROVED, CUSTOMER, None),
        (OPEN, OTHER, "customer_only"), (OPEN, GUEST, "customer_only"), (CANCELLED, CUSTOMER, "refund_cancelled"),
        (FREE, CUSTOMER, "nothing_to_settle"), (sent("failed", 1), CUSTOMER, "money_sent"), (sent("settled", 11_000), STAFF, "money_sent"),
        (OPEN, Actor("s", "staff", "anna", read_only=True), "read_only"), (sent("failed", 0), STAFF, None),
    ],
)  # fmt: skip
def test_who_may_say_where_it_goes(refund: RefundSummary, actor: Actor, code: str | None) -> None:
    assert may_say_where(refund, actor).code == code


@pytest.mark.parametrize(
    ("methods", "refund", "missing"),
    [
        (("cod",), APPROVED, True),
        (("cod", "cash_on_delivery"), APPROVED, True),
        (("cod", "card"), APPROVED, False),
        (("cod", None), APPROVED, False),  # copied before methods were
        ((), APPROVED, False),
        (("cod",), FREE, False),
        (("cod",), sent("settled", 11_000), False),
        (("cod",), replace(APPROVED, pay_to={"method": "bkash", "account": "1", "holder": ""}), False),
    ],
)
def test_money_without_a_way_back(methods: tuple[str | None, ...], refund: RefundSummary, *, missing: bool) -> None:
    payments = tuple(KnownPayment(f"p{at}", 1, at, method=method) for at, method in enumerate(methods, start=1))
    order = replace(ORDER, payments=payments)
    assert pay_to_missing(refund, order, len(methods)) is missing
    later = replace(order, payments=(*payments, KnownPayment("later", 1, 9, method="card")))
    assert pay_to_missing(refund, later, len(methods)) is missing
