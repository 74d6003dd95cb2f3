"""Opens a client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from kit.client.client import Client
from kit.client.connection import Connection, Token
from kit.client.retrying import NOT_YET_SECONDS, PATIENCE_SECONDS, Patience

ANSWER_SECONDS = 30.0
CONNECTIONS = 32


@asynccontextmanager
async def connect(
    address: str,
    token: Token,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    not_yet_seconds: float = NOT_YET_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
    connections: int = CONNECTIONS,
) -> AsyncIterator[Client]:
    """A client of the services at one address, such as https://aftersale.example.

    A call that gets no final answer is repeated for `patience_seconds`, one that is refused only because something is still on its way
    for `not_yet_seconds`. `answer_seconds` is how long the server may be silent in one attempt.
    """
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx2.AsyncClient(base_url=address, timeout=answer_seconds, limits=limits) as http:
        yield Client(Connection(http, token, Patience(patience_seconds, not_yet_seconds)))
