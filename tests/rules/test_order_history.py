"""Orders of the past (real-shops.md 1.5): what contradicts itself is refused, and what does not stands as it was said."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.requests.history import HistoryInput
from services.orders.rules.history import with_documents, with_history
from shared.contracts.errors import Invalid, Refused
from shared.contracts.events import By, ExternalDocument, Fulfilment, Order
from shared.contracts.lifecycle import STEPS_OF
from tests.rules.orders import CUSTOMER, NOW, order, payment

PLACED = datetime(2024, 3, 1, 9, tzinfo=UTC)
IMPORTER = By(role="platform", id="platform-1")
INVOICE = {"kind": "invoice", "number": "F-2024-77", "issued_on": "2024-03-01"}


def day(number: int) -> str:
    """A moment of March 2024."""
    return f"2024-03-{number:02}T10:00:00Z"


def of_2024(fulfilment: Fulfilment = "shipping") -> Order:
    """Order P, paid, as it is drafted before its history is added."""
    paid = payment().model_copy(update={"order_version": 1})
    line = order().lines[0].model_copy(update={"stock_tracked": False})
    return order(placed_at=PLACED, payments=(paid,), collected=11_000, payment="paid", fulfilment=fulfilment, lines=(line,))


def past(said: dict[str, Any], fulfilment: Fulfilment = "shipping") -> Order:
    """Order P with this history."""
    return with_history(of_2024(fulfilment), HistoryInput.model_validate(said), IMPORTER, now=NOW)


DELIVERED = {"status": "delivered", "confirmed_at": day(1), "picked_up_at": day(2), "shipped_at": day(3), "delivered_at": day(4)}


def refunding(line: int, quantity: int, amount: int, *, times: int = 1) -> dict[str, Any]:
    """Delivered, and refunded of one line before."""
    return DELIVERED | {"refunded": {"lines": [{"line": line, "quantity": quantity, "amount": amount}] * times}}


CANCELLED = {"status": "cancelled", "confirmed_at": day(1), "cancelled": {"from": "confirmed", "at": day(2)}}


def test_an_order_of_the_past_stands_as_it_was_said() -> None:
    made = past(DELIVERED | {"documents": [INVOICE], "refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 5_200}], "shipping": 300}})
    assert (made.status, made.version, made.imported, made.payment, made.confirmed_version) == ("delivered", 1, True, "paid", 1)
    assert made.history is not None
    assert [step for step, _ in made.history.steps] == ["confirmed", "picked_up", "shipped", "delivered"]
    assert (made.confirmed_at, made.delivered_at) == (made.history.confirmed_at, made.history.delivered_at)
    assert made.refunded_before.amount == 5_500
    assert [one.order_version for one in made.external_documents] == [1]


@pytest.mark.parametrize(("by", "who"), [("customer", "c-1"), ("platform", "platform-1"), ("staff", "")])
def test_whoever_cancelled_it_then(by: str, who: str) -> None:
    made = past(CANCELLED | {"cancelled": {"from": "confirmed", "at": day(2), "by": by, "reason": "late"}})
    assert made.cancellation is not None
    assert (made.cancellation.by.role, made.cancellation.by.id) == (by, who)
    assert (made.cancellation.cancelled_from, made.cancellation.order_version, made.cancelled_before) == ("confirmed", 1, True)
    assert [status for status, _ in made.past] == ["pending", "confirmed", "cancelled"]


def test_of_what_happened_at_one_instant_the_last_is_told() -> None:
    at = PLACED.isoformat()
    made = past({"status": "delivered", "shipped_at": at, "delivered_at": at})
    assert made.past == (("delivered", PLACED),)
    assert made.confirmed_at == PLACED


@pytest.mark.parametrize(
    ("said", "fulfilment", "pointer"),
    [
        ({"status": "delivered"}, "shipping", "/history/delivered_at"),
        ({"status": "shipped", "shipped_at": day(2), "delivered_at": day(3)}, "shipping", "/history/delivered_at"),
        ({"status": "delivered", "shipped_at": day(4), "delivered_at": day(3)}, "shipping", "/history/delivered_at"),
        ({"status": "confirmed", "confirmed_at": "2024-02-29T10:00:00Z"}, "shipping", "/history/confirmed_at"),
        ({"status": "shipped", "shipped_at": day(2)}, "pickup", "/history/shipped_at"),
        ({"status": "delivered", "picked_up_at": day(2), "delivered_at": day(3)}, "digital", "/history/picked_up_at"),
        ({"status": "cancelled"}, "shipping", "/history/cancelled"),
        (DELIVERED | {"cancelled": CANCELLED["cancelled"]}, "shipping", "/history/cancelled"),
        ({"status": "cancelled", "cancelled": {"from": "shipped", "at": day(3)}}, "shipping", "/history/shipped_at"),
        (CANCELLED | {"cancelled": {"from": "pending", "at": day(3)}}, "shipping", "/history/confirmed_at"),
        (CANCELLED | {"confirmed_at": day(3)}, "shipping", "/history/cancelled/at"),
        (refunding(2, 1, 1), "shipping", "/history/refunded/lines/0/line"),
        (refunding(1, 3, 1), "shipping", "/history/refunded/lines/0/quantity"),
        (refunding(1, 1, 10_001), "shipping", "/history/refunded/lines/0/amount"),
        (refunding(1, 1, 1, times=2), "shipping", "/history/refunded/lines/1/line"),
        (DELIVERED | {"refunded": {"shipping": 1_001}}, "shipping", "/history/refunded/shipping"),
    ],
)  # fmt: skip
def test_what_contradicts_is_named(said: dict[str, Any], fulfilment: Fulfilment, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        past(said, fulfilment)
    assert (refused.value.code, refused.value.facts["pointer"]) == ("history_contradicts", pointer)


def test_no_more_went_back_than_was_collected() -> None:
    said = HistoryInput.model_validate(DELIVERED | {"refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 501}]}})
    with pytest.raises(Invalid) as refused:
        with_history(of_2024().model_copy(update={"collected": 500}), said, IMPORTER, now=NOW)
    assert (refused.value.code, refused.value.facts["pointer"]) == ("history_contradicts", "/history/refunded")


def test_nothing_of_the_past_is_in_the_future() -> None:
    with pytest.raises(Invalid) as refused:
        past({"status": "delivered", "delivered_at": (NOW + timedelta(days=1)).isoformat()})
    assert refused.value.code == "in_the_future"


def test_documents_are_only_added() -> None:
    first = past(DELIVERED | {"documents": [INVOICE, INVOICE]})
    again = ExternalDocument.model_validate(INVOICE | {"order_version": 3}, strict=False)
    other = again.model_copy(update={"number": "F-2024-78"})
    assert with_documents(first, [again, other], "/documents", now=NOW) == (*first.external_documents, other)
    with pytest.raises(Refused) as refused:
        with_documents(first, [again.model_copy(update={"issued_on": NOW.date()})], "/documents", now=NOW)
    assert refused.value.code == "document_conflict"
    with pytest.raises(Refused) as refused:
        with_documents(first, [again.model_copy(update={"number": f"F-{number}"}) for number in range(50)], "/documents", now=NOW)
    assert refused.value.code == "too_many_documents"


def test_no_document_was_issued_tomorrow() -> None:
    """But where the day begins first it may have been issued today, while it is still yesterday in UTC."""
    midday = NOW.replace(hour=12)
    issued = [
        ExternalDocument(kind="invoice", number=f"F-{days}", issued_on=(midday + timedelta(days)).date(), order_version=1)
        for days in (1, 2)
    ]
    assert with_documents(past(DELIVERED), issued[:1], "/documents", now=midday) == (issued[0],)
    with pytest.raises(Invalid) as refused:
        with_documents(past(DELIVERED), issued, "/documents", now=midday)
    assert (refused.value.code, refused.value.errors[0].pointer) == ("in_the_future", "/documents/1/issued_on")


@st.composite
def pasts(draw: st.DrawFn) -> tuple[Fulfilment, dict[str, Any]]:
    """Any past without a contradiction."""
    fulfilment: Fulfilment = draw(st.sampled_from(["shipping", "pickup", "digital"]))
    steps = STEPS_OF[fulfilment]
    far = draw(st.integers(min_value=0, max_value=len(steps)))
    cancelled = far == 0 or (steps[far - 1] != "delivered" and draw(st.booleans()))
    taken = [step for at, step in enumerate(steps[:far], start=1) if at == far or draw(st.booleans())]
    days = sorted(draw(st.lists(st.integers(min_value=2, max_value=30), min_size=len(taken) + 1, max_size=len(taken) + 1)))
    said: dict[str, Any] = {f"{step}_at": day(at) for step, at in zip(taken, days, strict=False)}
    if cancelled:
        said["cancelled"] = {"from": taken[-1] if taken else "pending", "at": day(days[-1])}
    amount = draw(st.integers(min_value=0, max_value=10_000))
    shipping = draw(st.integers(min_value=0, max_value=1_000))
    if amount or shipping:
        lines = [{"line": 1, "quantity": draw(st.integers(min_value=0, max_value=2)), "amount": amount}] if amount else []
        said["refunded"] = {"lines": lines, "shipping": shipping}
    return fulfilment, said | {"status": "cancelled" if cancelled else taken[-1]}


@given(pasts())
def test_every_past_without_a_contradiction_is_taken(drawn: tuple[Fulfilment, dict[str, Any]]) -> None:
    fulfilment, said = drawn
    made = past(said, fulfilment)
    dates = [at for _, at in made.past]
    assert dates == sorted(set(dates))
    assert dates[0] == PLACED
    assert made.past[-1][0] == made.status
    assert (made.status == "cancelled") == (made.cancellation is not None)
    assert made.confirmed_version == (1 if made.confirmed_at else None)
    assert made.refunded_before.amount <= made.collected
    assert made.version == 1
    assert CUSTOMER.id == made.customer_id
    assert not any(line.stock_tracked for line in made.lines)
