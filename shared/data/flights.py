"""One read for all who ask the same at the same moment: a hundred listeners of one stream cost a query and a rendering, not a hundred."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Flights(Generic[V]):
    """Results by key, while they are made and for `fresh_seconds` after that.

    What is asked must be in the key, with whatever tells an old state from a new one: nobody is given what was read before they
    knew of something newer.
    """

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._flying: dict[Hashable, asyncio.Future[V]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        """What `make` returns, made once for all who ask for `key`, by the first of them. Raises as `make` did, for each of them."""
        flying = self._flying.get(key)
        if flying is None:
            flying = self._flying[key] = asyncio.ensure_future(make())
            flying.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flying)  # whoever leaves does not take it away from the others

    def _landed(self, key: Hashable, done: "asyncio.Future[V]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._flying.pop(key, None)
        else:
            asyncio.get_running_loop().call_later(self._fresh_seconds, self._flying.pop, key, None)
