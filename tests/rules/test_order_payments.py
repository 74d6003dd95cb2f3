"""Payment records: paid or unpaid, the same again, reversals; the refund state; times that cannot be."""

from datetime import timedelta

import pytest

from services.orders.requests.changes import RecordPayment
from services.orders.rules.attention import needs_attention
from services.orders.rules.payments import (
    may_record,
    may_reverse,
    payment_state,
    refund_state,
    same_again,
    same_reference,
    standing,
)
from services.orders.rules.room import MAX_PAYMENT_RECORDS
from shared.contracts.errors import Invalid
from shared.contracts.events import Payment, RefundState
from shared.contracts.position import Position
from shared.contracts.times import happened_at
from tests.rules.orders import ACTORS, NOW, STAFF, STATUSES, order, payment

PAYMENT = "payment_01jd00000000000000000000b"


@pytest.mark.parametrize(
    ("collected", "total", "state"), [(0, 100, "unpaid"), (99, 100, "unpaid"), (100, 100, "paid"), (101, 100, "paid"), (0, 0, "paid")]
)
def test_paid_is_collected_at_least_total(collected: int, total: int, state: str) -> None:
    assert payment_state(Position(total=total, credited=0, collected=collected, paid_back=0)) == state


def test_late_money_is_real_money_in_every_status() -> None:
    for status in STATUSES:
        assert may_record(order(status), STAFF, 1).allowed
        assert may_record(order(status), ACTORS["customer"], 1).code == "shop_only"


def test_limits_of_payments() -> None:
    full = order(payments=tuple(payment(payment_id=f"payment_01jd0000000000000000000{n:03}") for n in range(MAX_PAYMENT_RECORDS)))
    assert may_record(full, STAFF, 1).code == "too_many_payments"
    assert all(may_reverse(full, one, STAFF, None).allowed for one in full.payments), "a mistake can always be corrected"
    reversal = payment(-11000, reverses=full.payments[0].payment_id)
    assert may_record(order(payments=(*full.payments, reversal)), STAFF, 1).code == "too_many_payments"
    assert may_record(order(payments=full.payments[1:]), STAFF, 1).allowed
    assert may_record(order(collected=10**15), STAFF, 1).code == "amount_too_large"


def test_the_same_reference_again() -> None:
    paid = order(paid=True)
    existing = same_reference(paid, "cod", "r-1")
    assert existing is not None
    assert same_reference(paid, "card", "r-1") is None
    charged = existing.model_copy(update={"courier_charge": 150})
    cases: list[tuple[Payment, dict[str, int], dict[str, object] | None]] = [
        (existing, {}, None),
        (existing, {"amount": 1}, {"figure": "amount", "recorded": 11000, "given": 1}),
        (existing, {"courier_charge": 0}, {"figure": "courier_charge", "recorded": None, "given": 0}),
        (charged, {"courier_charge": 150}, None),
        (charged, {}, None),
        (charged, {"courier_charge": 151}, {"figure": "courier_charge", "recorded": 150, "given": 151}),
    ]
    for recorded, said, facts in cases:
        request = RecordPayment.model_validate({"amount": 11000, "method": "cod", "reference": "r-1"} | said)
        decision = same_again(recorded, request)
        expected = (None, {}) if facts is None else ("payment_conflict", {"payment_id": existing.payment_id} | facts)
        assert (decision.code, decision.facts) == expected, said


def test_a_payment_is_reversed_once() -> None:
    first = payment()
    back = payment(-11000, payment_id="payment_01jd00000000000000000000a1", reverses=first.payment_id)
    assert may_reverse(order(payments=(first,)), first, STAFF, None).allowed
    assert may_reverse(order(payments=(first, back)), first, STAFF, None).code == "already_reversed"
    assert may_reverse(order(payments=(first, back)), back, STAFF, None).code == "not_a_payment"
    assert same_reference(order(payments=(back,)), "cod", "r-1") is None


def test_a_payment_is_reversed_in_parts_until_nothing_of_it_stands() -> None:
    first, second = payment(), payment(8000, payment_id=f"{PAYMENT}2", reference="r-2")
    part = payment(-4000, payment_id=f"{PAYMENT}3", reverses=first.payment_id)
    rest = payment(-7000, payment_id=f"{PAYMENT}4", reverses=first.payment_id)
    once, whole = order(payments=(first, second, part)), order(payments=(first, second, part, rest))
    assert standing(once) == {first.payment_id: 7000, second.payment_id: 8000}
    assert may_reverse(once, first, STAFF, 7000).allowed
    assert may_reverse(once, first, STAFF, None).allowed
    refusal = may_reverse(once, first, STAFF, 7001)
    assert (refusal.code, refusal.facts) == ("reversal_too_large", {"left": 7000})
    assert may_reverse(whole, first, STAFF, 1).code == "already_reversed"
    assert may_reverse(whole, second, STAFF, 8000).allowed
    assert may_reverse(once, part, STAFF, 1).code == "not_a_payment"


def test_part_reversals_leave_room_to_reverse_every_payment() -> None:
    """An event has room for twice as many records as there may be payments."""
    paid = tuple(payment(payment_id=f"payment_01jd0000000000000000000{n:03}") for n in range(MAX_PAYMENT_RECORDS - 1))
    parts = tuple(payment(-1, payment_id=f"payment_01jd0000000000000000001{n:03}", reverses=paid[0].payment_id) for n in range(3))
    assert may_record(order(payments=paid), STAFF, 1).allowed
    for some, record, part in ((paid, True, True), ((*paid, *parts[:1]), False, True), ((*paid, *parts[:2]), False, False)):
        one = order(payments=some)
        assert may_record(one, STAFF, 1).allowed == record
        assert may_reverse(one, paid[0], STAFF, 1).allowed == part
        assert all(may_reverse(one, payment, STAFF, None).allowed for payment in paid), "a mistake can always be corrected"
    assert may_reverse(order(payments=(*paid, *parts[:2])), paid[0], STAFF, 1).code == "too_many_payments"


def test_what_needs_attention() -> None:
    cases: list[tuple[int, bool, bool, tuple[str, ...]]] = [
        (1, False, False, ("overpaid",)), (0, False, False, ()), (0, True, False, ("address",)), (0, False, True, ("oversold",)),
        (1, True, True, ("overpaid", "address", "oversold")),
    ]  # fmt: skip
    for over, misaddressed, oversold, reasons in cases:
        assert needs_attention(order(collected=11000 + over).position, misaddressed=misaddressed, oversold=oversold) == reasons


@pytest.mark.parametrize(
    ("approved", "money", "cancelled", "state"),  # approved: refunds and their units of 2; money: refunded of collected
    [
        ((0, 0), (0, 0), False, "none"),
        ((0, 0), (0, 11000), True, "none"),
        ((1, 1), (5500, 11000), False, "partial"),
        ((2, 2), (11000, 11000), False, "full"),
        ((1, 2), (0, 0), True, "full"),
        ((1, 1), (3000, 3000), True, "full"),
        ((1, 1), (2000, 11000), True, "partial"),
        ((1, 0), (10999, 11000), False, "partial"),
        ((1, 0), (11000, 11000), False, "full"),  # all of the total is credited, without a unit
    ],
)
def test_the_copy_of_refunds(approved: tuple[int, int], money: tuple[int, int], cancelled: bool, state: RefundState) -> None:
    refunds, units = approved
    refunded, collected = money
    position = Position(total=11000, credited=refunded, collected=collected, paid_back=refunded, cancelled=cancelled)
    assert refund_state(position, approved=refunds, units=units, ordered=2) == state


def test_times_that_can_be() -> None:
    assert happened_at(None, now=NOW) == NOW
    assert happened_at(NOW - timedelta(days=3), now=NOW) == NOW - timedelta(days=3)
    assert happened_at(NOW + timedelta(seconds=30), now=NOW) == NOW  # clocks may differ a little


@pytest.mark.parametrize(("said", "code"), [(timedelta(minutes=2), "in_the_future"), (timedelta(days=-2), "before_placing")])
def test_times_that_cannot_be(said: timedelta, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        happened_at(NOW + said, now=NOW, not_before=NOW - timedelta(days=1))
    assert refusal.value.code == code
