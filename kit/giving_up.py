"""What a command says when the system does not do what it asks."""

from kit.client import Busy, Forbidden, Problem, TooMany, Unauthenticated
from kit.client.problems import ClientError
from kit.host import CannotDo


def cannot(error: ClientError, *, later: str = "`aftersale doctor` says what is wrong") -> CannotDo:
    """Why a command gives up. `later` is what to do if the answer is not final."""
    if isinstance(error, Unauthenticated | Forbidden):
        return CannotDo(f"The token was refused: {error}", "use a platform token of the store: `aftersale token platform --store …`")
    if isinstance(error, Problem) and error.status < 500 and not isinstance(error, Busy | TooMany):
        fields = "; ".join(f"{one.pointer}: {one.message}" for one in error.errors)
        return CannotDo(f"The system refused a call: {error.detail} ({error.code})", fields)
    return CannotDo(f"The system gave no final answer: {error}", later)
