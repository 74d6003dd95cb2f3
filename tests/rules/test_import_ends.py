"""What an import that cannot go on says, and what to do about it."""

import pytest

from kit.client import Busy, Failed, Forbidden, Invalid, NoAnswer, TooMany, Unauthenticated, Unavailable
from kit.client.problems import ClientError
from kit.importing.command import cannot_import

TOKEN = "use a platform token of the store: `aftersale token platform --store …`"
AGAIN = "run the same import again: it continues"


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (Unauthenticated(401, {"code": "token_expired"}), "The token was refused: token_expired", TOKEN),
        (Forbidden(403, {"code": "shop_only", "detail": "No."}), "The token was refused: shop_only: No.", TOKEN),
        (Invalid(422, {"code": "invalid", "detail": "/to: no"}), "The system refused a call: invalid: /to: no", ""),
        (Busy(409, {"code": "in_progress"}), "The system gave no final answer: in_progress", AGAIN),
        (TooMany(429, {"code": "store_busy"}), "The system gave no final answer: store_busy", AGAIN),
        (Unavailable(503, {"code": "unavailable"}), "The system gave no final answer: unavailable", AGAIN),
        (Failed(500, {"code": "internal_error"}), "The system gave no final answer: internal_error", AGAIN),
        (NoAnswer("GET /v1/orders: ReadError", sent=True), "The system gave no final answer: GET /v1/orders: ReadError", AGAIN),
    ],
)
def test_what_it_says(error: ClientError, what: str, fix: str) -> None:
    said = cannot_import(error)
    assert (said.what, said.fix) == (what, fix)
