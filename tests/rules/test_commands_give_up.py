"""What a command that cannot go on says, and what to do about it."""

import pytest

from kit.client import Busy, Failed, Forbidden, Invalid, NoAnswer, TooMany, Unauthenticated, Unavailable
from kit.client.problems import ClientError
from kit.giving_up import cannot

TOKEN = "use a platform token of the store: `aftersale token platform --store …`"
AGAIN = "run the same import again: it continues"


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (Unauthenticated(401, {"code": "token_expired"}), "The token was refused: token_expired", TOKEN),
        (Forbidden(403, {"code": "shop_only", "detail": "No."}), "The token was refused: shop_only: No.", TOKEN),
        (
            Invalid(422, {"code": "invalid", "detail": "No.", "errors": [{"pointer": "/to", "code": "bad", "message": "A time."}]}),
            "The system refused a call: No. (invalid)",
            "/to: A time.",
        ),
        (Busy(409, {"code": "in_progress"}), "The system gave no final answer: in_progress", AGAIN),
        (TooMany(429, {"code": "store_busy"}), "The system gave no final answer: store_busy", AGAIN),
        (Unavailable(503, {"code": "unavailable"}), "The system gave no final answer: unavailable", AGAIN),
        (Failed(500, {"code": "internal_error"}), "The system gave no final answer: internal_error", AGAIN),
        (NoAnswer("GET /v1/orders: ReadError", sent=True), "The system gave no final answer: GET /v1/orders: ReadError", AGAIN),
    ],
)
def test_what_it_says(error: ClientError, what: str, fix: str) -> None:
    said = cannot(error, later=AGAIN)
    assert (said.what, said.fix) == (what, fix)
