"""What a request may say, before anything is looked up."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.refunds.requests import RequestRefund
from shared.contracts.ids import new_id


def parsed(quantity: Any) -> int | None:
    """The quantity as it is understood; None where the request is refused."""
    body = {"order_id": new_id("order"), "lines": [{"line": 1, "quantity": quantity}], "reason": "damaged"}
    try:
        return RequestRefund.model_validate(body).lines[0].quantity
    except ValidationError:
        return None


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [(1, 1), (1_000_000, 1_000_000), (0, None), (-1, None), (1_000_001, None), (1.0, None), ("1", None), (True, None), (None, None)],
)
def test_a_quantity_is_a_whole_number_from_1_to_a_million(quantity: Any, expected: int | None) -> None:
    """juspay/hyperswitch#11491: a negative amount passes every upper bound."""
    assert parsed(quantity) == expected
