"""One piece of work with a client, and what is said if it fails."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from kit.client import Client, connect
from kit.client.problems import ClientError
from kit.giving_up import cannot

PATIENCE_SECONDS = 10.0

T = TypeVar("T")


async def asked(address: str, token: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """The result of `work`. Raises CannotDo."""
    try:
        async with connect(address, token, patience_seconds=PATIENCE_SECONDS, not_yet_seconds=0) as client:
            return await work(client)
    except ClientError as error:
        raise cannot(error) from error
