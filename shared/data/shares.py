"""Fair shares: stores take turns for what a process has few of (connections, decoders, renderers).

A store that is alone may hold nearly all slots; some stay free for the next store. While another store is there, it may hold only a
part of them, and while another caller of the same store is there, a caller may hold only a part of the store's. A freed slot goes to
the store that holds fewest, then to the one served longest ago, and within the store to a caller by the same rule.
Why not one queue: docs/decisions/0015-fair-shares.md

`Turns` decides, without a clock or an event loop; `Shares` makes tasks wait for its decisions.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from shared.contracts.errors import StoreBusy, Unavailable
from shared.data.metrics import SHARES_IN_USE, SHARES_REFUSED, SHARES_WAITING

SYSTEM = ""
"""The store of our own work: relay, inbox, sweepers, health. It has reserved slots that callers cannot take."""

current_store: ContextVar[str] = ContextVar("current_store", default=SYSTEM)
"""The store whose work is running; the front door sets it once it has read the token."""
current_caller: ContextVar[str] = ContextVar("current_caller", default="")
"""The caller within that store: role and id of the actor, so that one customer's calls through a platform do not delay another's."""

PART_OF_SHARE = 0.5
"""The part of its usual share that a store may hold of slots for work that keeps a processor busy (walks, renderings): there are fewer
processors than slots, so a whole share would already slow down every other store."""

W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Rules:
    """How `slots` are shared. `part` (0 to 1) is what one may hold while others are there; `queue` of one store may wait."""

    slots: int
    headroom: int = 0  # slots that a store which already holds one leaves free for others
    reserve: int = 0  # slots that only SYSTEM may take
    part: float = 1.0
    alone: float = 1.0  # what one may hold while nobody else is there (0 to 1)
    queue: int = 100
    recent_seconds: float = 10.0  # another store or caller counts as being there if it came within this time

    def of_few(self) -> "Rules":
        """The same rules with headroom and reserve reduced to fit: with one or two slots nothing can be kept free."""
        spare = max(0, self.slots - 1)
        reserve = min(self.reserve, spare // 2)
        return replace(self, headroom=min(self.headroom, spare - reserve), reserve=reserve)


@dataclass(slots=True)
class _Seen:
    """The last two that came: enough to know whether somebody else was there."""

    last: tuple[str, float] | None = None
    before: tuple[str, float] | None = None

    def note(self, who: str, now: float) -> None:
        if self.last is not None and self.last[0] != who:
            self.before = self.last
        self.last = (who, now)

    def other_than(self, who: str, since: float) -> bool:
        other = self.before if self.last is not None and self.last[0] == who else self.last
        return other is not None and other[1] >= since


@dataclass(slots=True)
class _Party(Generic[W]):
    """A store, or a caller of one: what it holds, when it had its last turn, and its waiters."""

    held: int = 0
    turn: int = 0
    waiting: deque[W] = field(default_factory=deque)
    callers: "dict[str, _Party[W]]" = field(default_factory=dict)
    seen: _Seen = field(default_factory=_Seen)


class Turns(Generic[W]):
    """Decides who may hold a slot. `now` is any monotonic clock in seconds; `W` is the type of the waiters."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules.of_few()
        self.used = 0
        self.waiting = 0
        self._turn = 0
        self._seen = _Seen()
        self._stores: dict[str, _Party[W]] = {}

    def held(self, store: str) -> int:
        """Slots that a store holds."""
        party = self._stores.get(store)
        return party.held if party else 0

    def queued(self, store: str) -> int:
        """How many waiters a store has."""
        party = self._stores.get(store)
        return sum(len(caller.waiting) for caller in party.callers.values()) if party else 0

    def take(self, store: str, caller: str, now: float) -> bool:
        """Take a slot if this caller may have one now, and hold it until give(); returns whether it got one."""
        if store != SYSTEM:  # our own work is always there, and must not make a store count as not alone
            self._seen.note(store, now)
        party = self._stores.get(store)
        if party is None:
            party = self._stores[store] = _Party()
        party.seen.note(caller, now)
        if not self._may(store, party, caller, now):
            return False
        self._hold(party, caller)
        return True

    def over_its_share(self, store: str, caller: str) -> bool:
        """Whether a store, or this caller of it, holds all that it may hold while others are there, so that it is the one to refuse."""
        party = self._stores.get(store)
        if store == SYSTEM or party is None:
            return False
        one, usual = party.callers.get(caller), self._usual(store, self._beside_others())
        return party.held >= usual or (one is not None and one.held >= self._of_a_caller(usual))

    def wait(self, store: str, caller: str, waiter: W) -> bool:
        """Queue for a slot after take() returned False; False if too many of this store, or of this caller, are already waiting."""
        party = self._stores[store]
        one = party.callers.get(caller)
        queued_by_one = len(one.waiting) if one else 0
        if self.queued(store) >= self.rules.queue or queued_by_one >= max(1, math.ceil(self.rules.queue * self.rules.part)):
            if not party.callers:
                del self._stores[store]
            return False
        if one is None:
            one = party.callers[caller] = _Party()
        one.waiting.append(waiter)
        self.waiting += 1
        return True

    def leave(self, store: str, caller: str, waiter: W) -> None:
        """Stop waiting; does nothing if the waiter has got its slot in the meantime."""
        party = self._stores.get(store)
        one = party.callers.get(caller) if party else None
        if one is None or waiter not in one.waiting:
            return
        one.waiting.remove(waiter)
        self.waiting -= 1
        self._tidy(store, caller)

    def give(self, store: str, caller: str) -> None:
        """Return a slot; next_one() then says who gets it."""
        party = self._stores[store]
        party.held -= 1
        party.callers[caller].held -= 1
        self.used -= 1
        self._tidy(store, caller)

    def next_one(self, now: float) -> W | None:
        """Give the next waiter its slot and return it; None while no waiter may have one."""
        if not self.waiting:
            return None
        for store, party in _by_turns(self._stores.items()):
            for caller, one in _by_turns(party.callers.items()):
                if one.waiting and self._may(store, party, caller, now):
                    self._hold(party, caller)
                    self.waiting -= 1
                    return one.waiting.popleft()
        return None

    def _may(self, store: str, party: _Party[W], caller: str, now: float) -> bool:
        free, its_own = self.rules.slots - self.used, 1
        if store == SYSTEM:
            its_own = max(1, self.rules.reserve)
        else:
            free -= max(0, self.rules.reserve - self.held(SYSTEM))
        if free < 1 or (party.held >= its_own and free - 1 < self.rules.headroom):
            return False
        since = now - self.rules.recent_seconds
        most = self._beside_others() if self._seen.other_than(store, since) else max(1, math.ceil(self.rules.slots * self.rules.alone))
        if party.held >= most:
            return False
        if store == SYSTEM or not party.seen.other_than(caller, since):
            return True
        one = party.callers.get(caller)
        return one is None or one.held < self._of_a_caller(self._usual(store, most))

    def _beside_others(self) -> int:
        return max(1, math.ceil(self.rules.slots * self.rules.part))

    def _usual(self, store: str, most: int) -> int:
        """What a store may hold of `most`, after what is kept free for others."""
        kept_back = self.rules.headroom + (self.rules.reserve if store != SYSTEM else 0)
        return max(1, min(most, self.rules.slots - kept_back))

    def _of_a_caller(self, usual: int) -> int:
        return max(1, math.ceil(usual * self.rules.part))

    def _hold(self, party: _Party[W], caller: str) -> None:
        one = party.callers.get(caller)
        if one is None:
            one = party.callers[caller] = _Party()
        self._turn += 1
        party.turn = one.turn = self._turn
        party.held += 1
        one.held += 1
        self.used += 1

    def _tidy(self, store: str, caller: str) -> None:
        """Forget those that neither hold nor wait, or a million customers would stay in memory."""
        party = self._stores[store]
        one = party.callers[caller]
        if not one.held and not one.waiting:
            del party.callers[caller]
        if not party.held and not party.callers:
            del self._stores[store]


def _by_turns(parties: "Iterable[tuple[str, _Party[W]]]") -> "list[tuple[str, _Party[W]]]":
    return sorted(parties, key=lambda named: (named[1].held, named[1].turn))


class Shares:
    """Slots of one kind in this process, shared by `rules`; metrics call them `name`, refusals call them `what`.

    `wait_seconds` is the longest wait for a slot.
    """

    def __init__(self, name: str, rules: Rules, *, wait_seconds: float, what: str = "calls") -> None:
        self.name = name
        self.what = what
        self._turns: Turns[_Waiter] = Turns(rules)
        self._wait_seconds = wait_seconds
        SHARES_IN_USE.labels(name).set_function(lambda: self._turns.used)
        SHARES_WAITING.labels(name).set_function(lambda: self._turns.waiting)

    @property
    def used(self) -> int:
        """How many slots are held."""
        return self._turns.used

    @property
    def waiting(self) -> int:
        """How many tasks wait for one."""
        return self._turns.waiting

    def held(self, store: str) -> int:
        """Slots that a store holds."""
        return self._turns.held(store)

    @asynccontextmanager
    async def of(self, store: str | None = None, caller: str | None = None) -> AsyncIterator[None]:
        """Hold a slot for the length of the block, for the current store and caller unless others are named.

        Raises StoreBusy if this store already has its share and its queue is full or the wait took too long, Unavailable if
        other stores hold the slots.
        """
        give = await self.take(store, caller)
        try:
            yield
        finally:
            give()

    async def take(self, store: str | None = None, caller: str | None = None) -> Callable[[], None]:
        """Take a slot; returns the function that gives it back. Like of(), without the cost of a context manager; raises the same."""
        store = current_store.get() if store is None else store
        caller = current_caller.get() if caller is None else caller
        if not self._turns.take(store, caller, asyncio.get_running_loop().time()):
            await self._wait(_Waiter(store, caller, asyncio.get_running_loop().create_future()))
        return lambda: self._give(store, caller)

    async def _wait(self, one: "_Waiter") -> None:
        if not self._turns.wait(one.store, one.caller, one):
            raise self._refusal(one)
        late = asyncio.get_running_loop().call_later(self._wait_seconds, self._too_late, one)
        try:
            await one.turn
        except asyncio.CancelledError:
            if one.turn.cancelled():
                self._turns.leave(one.store, one.caller, one)
            elif one.turn.exception() is None:  # it got its slot at the same moment: nobody else would give it back
                self._give(one.store, one.caller)
            raise
        finally:
            late.cancel()

    def _too_late(self, one: "_Waiter") -> None:
        if not one.turn.done():
            refusal = self._refusal(one)
            self._turns.leave(one.store, one.caller, one)
            one.turn.set_exception(refusal)

    def _give(self, store: str, caller: str) -> None:
        self._turns.give(store, caller)
        if not self._turns.waiting:
            return
        now = asyncio.get_running_loop().time()
        while (one := self._turns.next_one(now)) is not None:
            if one.turn.done():  # cancelled but not yet ended: pass the slot on to the next waiter
                self._turns.give(one.store, one.caller)
            else:
                one.turn.set_result(None)

    def _refusal(self, one: "_Waiter") -> Unavailable:
        SHARES_REFUSED.labels(self.name).inc()
        if self._turns.over_its_share(one.store, one.caller):
            return StoreBusy(detail=f"This store has too many {self.what} running at once: retry in a moment.", retry_after_seconds=1)
        return Unavailable(detail=f"Too many {self.what} are running at once.", retry_after_seconds=1)


@dataclass(eq=False, slots=True)
class _Waiter:
    """A waiting task, with its store and caller."""

    store: str
    caller: str
    turn: "asyncio.Future[None]"
