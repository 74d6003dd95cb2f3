"""Many small calls: a thousand a second without a token or with a bad one, and one store's own reads."""

import random
import string
from typing import ClassVar

from tests.attacks.target import MAX_REQUESTS_PER_SECOND, Attack, both, greedy_order
from tests.attacks.wire import request

SENDERS = 50
SEARCHERS = 60
ORDERS = 6_000
WORDS = ("Rahima", "Karim", "Begum", "Hossain", "Akter", "Islam")


class BadTokens(Attack):
    """Tokens with a wrong signature: each must be checked before it is refused. What guards against floods is a low price: refusing.py."""

    what = "anonymous: 1,000 calls a second with bad tokens"

    def token(self) -> str:
        """The token that the flood sends."""
        good = self.target.token("staff")
        return good[:-6] + "AAAAAA"

    async def run(self) -> None:
        """Fifty open connections with twenty calls a second each."""
        sent = request("GET", "/v1/orders", self.token())
        each = MAX_REQUESTS_PER_SECOND / SENDERS
        await both(*(self.repeat(self.target.line("orders"), lambda: sent, each) for _ in range(SENDERS)))


class NoTokens(BadTokens):
    """The same flood without a token."""

    what = "anonymous: 1,000 calls a second without a token"

    def token(self) -> str:
        """No token."""
        return ""


class NameSearches(Attack):
    """Searches by what no index can cut short: a carrier."""

    what = "one store: 60 senders of searches that no index serves among its 6,000 orders"
    beside = ("search",)
    unguarded: ClassVar[dict[str, str]] = {
        "AFTERSALE_TOKEN_CALLS_AT_ONCE": "0", "AFTERSALE_TOKEN_CALLS_PER_SECOND": "0", "AFTERSALE_WALKS_AT_ONCE": "200",
    }  # fmt: skip
    broken = ("p19_one_store_takes_every_connection",)

    async def prepare(self) -> None:
        """Place orders with names to search in."""
        rng = random.Random(1)
        orders = [greedy_order() for _ in range(ORDERS)]
        for order in orders:
            order["customer"] = order["customer"] | {"name": f"{rng.choice(WORDS)} {rng.choice(WORDS)}"}
        await self.place(orders)

    async def run(self) -> None:
        """Each sender searches for a carrier that does not occur, so that every row is examined."""
        rng, token = random.Random(2), self.target.token("staff")

        def search() -> bytes:
            word = "".join(rng.choices(string.ascii_lowercase, k=5))
            return request("GET", f"/v1/orders?limit=100&carrier={word}", token)

        each = MAX_REQUESTS_PER_SECOND / SEARCHERS
        await both(*(self.repeat(self.target.line("orders"), search, each) for _ in range(SEARCHERS)))
