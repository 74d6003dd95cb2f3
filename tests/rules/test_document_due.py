"""Which documents an order calls for: product.md section 4 and worked cases 6 to 10, as tables and properties."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.documents.rules.due import ISSUING_ORDER, Due, due_documents, is_invoiced
from shared.contracts.events import (
    By,
    Cancellation,
    ExternalDocument,
    History,
    Order,
    OrderLine,
    Payment,
    Refund,
    RefundedBefore,
    RefundedUnits,
    RefundLine,
    UnitRange,
)
from shared.contracts.ids import new_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
THIRD = new_id("payment")
ORDER, FIRST, SECOND, REFUND, OTHER_REFUND = new_id("order"), new_id("payment"), new_id("payment"), new_id("refund"), new_id("refund")
REFUND, OTHER_REFUND = sorted((REFUND, OTHER_REFUND))


def order(status: str = "confirmed", *, version: int = 2, cancelled_from: str | None = None, payments: tuple[Payment, ...] = ()) -> Order:
    """Order P of the worked cases: 2 units = 100.00, shipping 10.00, total 110.00."""
    cancellation = None
    if cancelled_from is not None:
        came_from: dict[str, Any] = {"cancelled_from": cancelled_from}
        by = By(role="customer", id="c1")
        cancellation = Cancellation(by=by, reason="", order_version=2, occurred_at=NOW, recorded_at=NOW, **came_from)
    collected = sum(payment.amount for payment in payments)
    return Order(
        order_id=ORDER,
        number="1001",
        version=version,
        status=status,  # type: ignore[arg-type]  # the tables name statuses as text
        currency="BDT",
        customer_id="c1",
        lines=(OrderLine(line=1, sku="A", name="Tea", quantity=2, unit_price=5000, subtotal=10000, total=10000),),
        goods_total=10000,
        shipping=1000,
        total=11000,
        payments=payments,
        collected=collected,
        payment="paid" if collected >= 11000 else "unpaid",
        cancellation=cancellation,
        placed_at=NOW,
    )


def payment(payment_id: str, amount: int, version: int, reverses: str | None = None) -> Payment:
    return Payment(
        payment_id=payment_id, amount=amount, method="cod", reference=f"r{version}", reverses=reverses,
        order_version=version, occurred_at=NOW, recorded_at=NOW,
    )  # fmt: skip


def refund(refund_id: str, amount: int, *, version: int, cause: str = "request", kept: int = 0, status: str = "approved") -> Refund:
    line = RefundLine(line=1, sku="A", quantity=1, units=(UnitRange(first=1, last=1),), goods=amount, shipping=0, disposition="discard")
    fields: dict[str, Any] = {"cause": cause, "status": status}
    return Refund(
        refund_id=refund_id, order_id=ORDER, order_number="1001", customer_id="c1", version=1, settlement="none", order_version=version,
        policy_version=1, reason="", currency="BDT", amount=amount, goods=amount, shipping=0, shipping_kept=kept, lines=(line,),
        requested_at=NOW, **fields,
    )  # fmt: skip


INVOICE = Due("invoice", "order", ORDER, 11000)
WHOLE_CREDIT = Due("credit_note", "cancellation", ORDER, 11000)
KEPT = Due("invoice", "shipping_kept", REFUND, 1000)
PAID_30, PAID_80 = payment(FIRST, 3000, 3), payment(SECOND, 8000, 6)
RECEIPT_30, RECEIPT_80 = Due("receipt", "payment", FIRST, 3000), Due("receipt", "payment", SECOND, 8000)


@pytest.mark.parametrize(
    ("status", "cancelled_from", "expected"),
    [
        ("pending", None, []),
        ("confirmed", None, [INVOICE]),
        ("picked_up", None, [INVOICE]),
        ("shipped", None, [INVOICE]),  # worked case 7: pending -> shipped directly
        ("delivered", None, [INVOICE]),  # worked case 6: delivered is the first that we see
        ("cancelled", "pending", []),
        ("cancelled", "confirmed", [INVOICE, WHOLE_CREDIT]),  # both at once when neither was yet
        ("cancelled", "picked_up", [INVOICE, WHOLE_CREDIT]),
        ("cancelled", "shipped", [INVOICE, WHOLE_CREDIT]),
    ],
)
def test_an_invoice_at_first_sight_of_confirmed_or_later_and_its_credit_note_on_cancelling(
    status: str, cancelled_from: str | None, expected: list[Due]
) -> None:
    assert due_documents(order(status, cancelled_from=cancelled_from), []) == expected


def test_a_receipt_for_each_payment_and_a_cancelling_receipt_for_its_reversal() -> None:
    paid = order("pending", payments=(PAID_30, payment(SECOND, -3000, 4, reverses=FIRST)))
    assert due_documents(paid, []) == [RECEIPT_30, Due("cancelling_receipt", "payment", SECOND, 3000)]
    parts = order("pending", payments=(PAID_30, payment(SECOND, -1000, 4, reverses=FIRST), payment(THIRD, -2000, 5, reverses=FIRST)))
    assert due_documents(parts, []) == [
        RECEIPT_30, Due("cancelling_receipt", "payment", SECOND, 1000), Due("cancelling_receipt", "payment", THIRD, 2000)
    ]  # fmt: skip


def test_a_credit_note_for_each_approved_refund_of_an_invoiced_order() -> None:
    refunds = [refund(OTHER_REFUND, 5500, version=7), refund(REFUND, 5500, version=6)]
    assert due_documents(order("delivered", version=8), refunds) == [
        INVOICE,
        Due("credit_note", "refund", REFUND, 5500),
        Due("credit_note", "refund", OTHER_REFUND, 5500),
    ]


@pytest.mark.parametrize("status", ["processing", "cancelled"])
def test_a_refund_that_is_not_approved_issues_nothing(status: str) -> None:
    assert due_documents(order("delivered"), [refund(REFUND, 5500, version=2, status=status)]) == [INVOICE]


def test_case_8_unpaid_cancelled_after_pickup() -> None:
    """One credit note for the invoice; no receipt; none for the automatic refund of 0.00."""
    cancelled = order("cancelled", cancelled_from="picked_up", version=4)
    assert due_documents(cancelled, [refund(REFUND, 0, version=4, cause="cancellation")]) == [INVOICE, WHOLE_CREDIT]


@pytest.mark.parametrize(("kept", "first", "extra"), [(1000, 2000, [KEPT]), (0, 3000, [])])
def test_case_9_cancelled_when_shipped_then_paid(kept: int, first: int, extra: list[Due]) -> None:
    """On: an invoice over the 10.00 kept; off: none."""
    seen_late = order("cancelled", cancelled_from="shipped", version=6, payments=(PAID_30, PAID_80))
    refunds = [refund(OTHER_REFUND, 8000, version=6, cause="payment"), refund(REFUND, first, version=5, cause="cancellation", kept=kept)]
    assert due_documents(seen_late, refunds) == [INVOICE, *extra, RECEIPT_30, RECEIPT_80, WHOLE_CREDIT]


def test_case_10_cancelled_when_pending_then_paid() -> None:
    late = order("cancelled", cancelled_from="pending", version=3, payments=(payment(FIRST, 11000, 3),))
    assert due_documents(late, [refund(REFUND, 11000, version=3, cause="payment")]) == [
        Due("receipt", "payment", FIRST, 11000),
        Due("refund_receipt", "refund", REFUND, 11000),
    ]


def test_shipping_kept_by_a_requested_refund_stays_on_the_first_invoice() -> None:
    """Its credit note is over less, so that a second invoice would charge the shipping twice."""
    assert due_documents(order("delivered"), [refund(REFUND, 10000, version=2, kept=1000)]) == [
        INVOICE,
        Due("credit_note", "refund", REFUND, 10000),
    ]


def test_a_refund_decided_on_a_newer_version_waits_for_our_copy() -> None:
    waiting = refund(REFUND, 11000, version=3, cause="payment")
    behind = order("cancelled", cancelled_from="pending", version=2)
    assert due_documents(behind, [waiting]) == []
    there = order("cancelled", cancelled_from="pending", version=3)
    assert due_documents(there, [waiting]) == [Due("refund_receipt", "refund", REFUND, 11000)]


THEN = payment(FIRST, 3000, 1)
BEFORE = RefundedBefore(lines=(RefundedUnits(line=1, quantity=1, amount=2000),))


def of_the_past(*, named_at: int | None = None, refunded: RefundedBefore | None = None, **as_order: Any) -> Order:
    """Order P as it was imported; `named_at` is the version that named its invoice."""
    named = () if named_at is None else (ExternalDocument(kind="invoice", number="F-1", issued_on=NOW.date(), order_version=named_at),)
    said: dict[str, Any] = {"status": "delivered", "version": 8}
    made = order(**(said | as_order))
    return made.model_copy(update={"imported": True, "history": History(refunded=refunded), "external_documents": named})


@pytest.mark.parametrize(
    ("named_at", "decided_at", "expected"),
    [(1, 1, "credit_note"), (3, 2, "refund_receipt"), (3, 3, "credit_note"), (None, 3, "refund_receipt")],
)
def test_case_41_what_a_refund_gets_by_the_version_that_it_was_decided_on(named_at: int | None, decided_at: int, expected: str) -> None:
    assert [one.kind for one in due_documents(of_the_past(named_at=named_at), [refund(REFUND, 5500, version=decided_at)])] == [expected]


def test_what_was_paid_and_refunded_before_the_import_has_no_document() -> None:
    reversal = payment(OTHER_REFUND.replace("refund", "payment"), -3000, 4, reverses=FIRST)
    past = of_the_past(named_at=1, refunded=BEFORE, payments=(THEN, PAID_80, reversal))
    assert due_documents(past, [refund(REFUND, 2000, version=1, cause="history")]) == [RECEIPT_80]


def test_a_cancellation_after_the_import_credits_the_rest_of_the_external_invoice() -> None:
    """With kept shipping invoiced, and once what was refunded before is known."""
    cancelled = of_the_past(named_at=1, refunded=BEFORE, status="cancelled", cancelled_from="shipped", payments=(THEN,))
    back = refund(OTHER_REFUND, 500, version=2, cause="cancellation", kept=1000)
    assert [one.kind for one in due_documents(cancelled, [back])] == ["invoice"]
    before = refund(REFUND, 2000, version=1, cause="history")
    assert due_documents(cancelled, [back, before])[1:] == [Due("credit_note", "cancellation", ORDER, 9000)]
    unnamed = cancelled.model_copy(update={"external_documents": ()})
    assert due_documents(unnamed, [back, before]) == [Due("refund_receipt", "refund", OTHER_REFUND, 500)]


@pytest.mark.parametrize("named_at", [1, None])
def test_case_51_a_cancellation_that_was_imported_has_no_document(named_at: int | None) -> None:
    """Money of today gets its receipt, and one for going back, whatever was issued elsewhere."""
    made = of_the_past(named_at=named_at, refunded=BEFORE, status="cancelled", cancelled_from="shipped", payments=(THEN, PAID_80))
    assert made.cancellation is not None
    then = made.model_copy(update={"cancellation": made.cancellation.model_copy(update={"order_version": 1})})
    back = [refund(REFUND, 2000, version=1, cause="history"), refund(OTHER_REFUND, 8000, version=6, cause="payment")]
    assert due_documents(then, back) == [RECEIPT_80, Due("refund_receipt", "refund", OTHER_REFUND, 8000)]


STATUSES = ["pending", "confirmed", "picked_up", "shipped", "delivered"]


@given(
    status=st.sampled_from([(one, None) for one in STATUSES] + [("cancelled", one) for one in STATUSES[:4]]),
    amounts=st.lists(st.integers(1, 5000), max_size=5),
    refunds=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["request", "cancellation", "payment"]), st.integers(0, 900)), max_size=5
    ),
    data=st.data(),
)
def test_what_is_due_depends_on_facts_and_not_on_their_order(
    status: tuple[str, str | None], amounts: list[int], refunds: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    payments = tuple(payment(new_id("payment"), amount, number) for number, amount in enumerate(amounts, start=3))
    facts = [refund(new_id("refund"), 100, version=version, cause=cause, kept=kept) for version, cause, kept in refunds]
    copy = order(status[0], cancelled_from=status[1], version=8, payments=payments)
    shuffled = copy.model_copy(update={"payments": tuple(data.draw(st.permutations(payments)))})
    due = due_documents(copy, facts)
    assert due_documents(shuffled, data.draw(st.permutations(facts))) == due
    assert len({one.key for one in due}) == len(due)
    assert [one.kind for one in due] == sorted((one.kind for one in due), key=ISSUING_ORDER.index)
    assert any(one.kind == "credit_note" for one in due) <= is_invoiced(copy)
