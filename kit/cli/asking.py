"""One piece of work with a client, and what is said if it fails."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from kit.client import Busy, Client, Forbidden, Problem, TooMany, Unauthenticated, connect
from kit.client.problems import ClientError
from kit.host import CannotDo

PATIENCE_SECONDS = 10.0

T = TypeVar("T")


async def asked(address: str, token: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """The result of `work`. Raises CannotDo."""
    try:
        async with connect(address, token, patience_seconds=PATIENCE_SECONDS, not_yet_seconds=0) as client:
            return await work(client)
    except ClientError as error:
        raise _cannot(error) from error


def _cannot(error: ClientError) -> CannotDo:
    if isinstance(error, Unauthenticated | Forbidden):
        return CannotDo(f"The token was refused: {error}", "use a platform token of the store: `aftersale token platform --store …`")
    if isinstance(error, Problem) and error.status < 500 and not isinstance(error, Busy | TooMany):
        fields = "; ".join(f"{one.pointer}: {one.message}" for one in error.errors)
        return CannotDo(f"{error.detail} ({error.code})", fields)
    return CannotDo(f"The system gave no final answer: {error}", "`aftersale doctor` says what is wrong")
