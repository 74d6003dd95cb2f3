"""A draft has one place for its lines and one for its number, whatever its texts say."""

from datetime import UTC, datetime

from services.orders.api.orders import SHOWN
from services.orders.commands.draft import draft
from services.orders.requests.placing import PlaceOrder
from shared.contracts.actor import Actor
from shared.data.idempotency import Reservation
from tests.shop import order_p

FORGED = '"lines":[],"number":"order_'


def test_event_and_answer_have_one_place_for_lines_and_number() -> None:
    platform = Actor("s", "platform", "p")
    request = PlaceOrder.model_validate(order_p(metadata={FORGED: FORGED}, external_ref=FORGED))
    made = draft(platform, request, Reservation.of(platform, "k", "POST", "/v1/orders", b""), shown=SHOWN, now=datetime.now(UTC))
    for text in (made.event, made.answer):
        assert (text.count('"lines":[],"goods_total"'), text.count(f'"number":"{made.state.order.order_id}"')) == (1, 1)
    assert ['"stock_tracked":true' in text for line in made.lines for text in (line.event, line.tracked_event)] == [False, True]
    assert ['"stock_tracked":true' in text for line in made.lines for text in (line.answer, line.tracked_answer)] == [False, True]
