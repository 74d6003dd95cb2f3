"""Bodies that cost more to read than to send: anonymous ones, and unknown fields with a valid token."""

from typing import ClassVar

from shared.contracts.ids import new_id
from tests.attacks.target import Attack, both
from tests.attacks.wire import request

NESTED = b"[" + b"[]," * 1_300_000 + b"[]]"
UNKNOWN_FIELDS = b"{" + b",".join(b'"f%d":0' % n for n in range(250_000)) + b"}"


class OneBigBody(Attack):
    """One sender without a token, which sends again as soon as it is answered."""

    what = "anonymous: one sender of 3.9 MB JSON bodies"
    broken = ("p19_body_before_the_token",)
    senders = 1

    async def run(self) -> None:
        """Each sender sends its next body once the last one is answered."""
        sent = request("POST", "/v1/orders", "", NESTED, key=True)
        await both(*(self.repeat(self.target.line("orders"), lambda: sent, 20) for _ in range(self.senders)))


class FourBigBodies(OneBigBody):
    """Four such senders."""

    what = "anonymous: four senders of 3.9 MB JSON bodies"
    senders = 4


class UnknownFields(Attack):
    """A customer's token and two senders: their many errors would all be built, though only a few are reported."""

    what = "one customer's token: two senders of bodies with 250,000 unknown fields"
    unguarded: ClassVar[dict[str, str]] = {"AFTERSALE_MAX_SMALL_BODY_BYTES": "10000000"}
    broken = ("p19_bodies_not_weighed", "p19_every_error_is_built")

    async def run(self) -> None:
        """Send them to a route that a customer may call."""
        path = f"/v1/orders/{new_id('order')}/cancel"
        sent = request("POST", path, self.target.token("customer"), UNKNOWN_FIELDS, key=True)
        await both(*(self.repeat(self.target.line("orders"), lambda: sent, 20) for _ in range(2)))
