"""Fair shares: what a process has few of (connections, decoders, renderers) goes by turns over the stores that want it.

A store alone may hold nearly all slots; some are left for whoever comes next. Beside another store it holds its part of them, and
beside another caller of the same store a caller holds its part of the store's. A freed slot goes to the store that holds fewest,
then to the one served longest ago, and within it to a caller by the same rule. Why not one queue: docs/decisions/0015-fair-shares.md

`Turns` decides and knows no clock and no event loop; `Shares` lets tasks wait for what it decides.
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
"""Nobody's store: relay, inbox, sweepers, health. It has slots of its own that callers cannot take."""

current_store: ContextVar[str] = ContextVar("current_store", default=SYSTEM)
"""Whose work runs now: set by the front door once the token is known."""
current_caller: ContextVar[str] = ContextVar("current_caller", default="")
"""Who of that store: role and id of the actor, so that one customer's calls by a platform's token do not hold up another's."""

PART_OF_SHARE = 0.5
"""What a store may hold, of its usual share, of the slots for work that keeps a processor busy (walks, renderings): there are fewer
processors than slots, so a whole share would already be felt by every other store."""

W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Rules:
    """How `slots` are shared. `part` is what one may hold beside others, of 1; `queue` of one store may wait."""

    slots: int
    headroom: int = 0  # slots that whoever holds one already leaves for others
    reserve: int = 0  # slots that only SYSTEM may take
    part: float = 1.0
    alone: float = 1.0  # what one may hold while nobody else is there, of 1
    queue: int = 100
    recent_seconds: float = 10.0  # another that came within this time counts as being there

    def of_few(self) -> "Rules":
        """The same with headroom and reserve that fit: of one or two slots nothing can be kept back."""
        spare = max(0, self.slots - 1)
        reserve = min(self.reserve, spare // 2)
        return replace(self, headroom=min(self.headroom, spare - reserve), reserve=reserve)


@dataclass(slots=True)
class _Seen:
    """Which two came last: enough to know whether somebody else was there."""

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
    """A store, or a caller of one: what it holds, when it had its last turn, who waits for it."""

    held: int = 0
    turn: int = 0
    waiting: deque[W] = field(default_factory=deque)
    callers: "dict[str, _Party[W]]" = field(default_factory=dict)
    seen: _Seen = field(default_factory=_Seen)


class Turns(Generic[W]):
    """Who may hold a slot. `now` is any clock in seconds that never goes back; `W` is whatever waits."""

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
        """How many wait for a store's turn."""
        party = self._stores.get(store)
        return sum(len(caller.waiting) for caller in party.callers.values()) if party else 0

    def take(self, store: str, caller: str, now: float) -> bool:
        """Whether a slot was free for it; it is held then until give()."""
        if store != SYSTEM:  # our own work is always there, and leaves a store alone with all that it may have
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
        """Whether a store, or this caller of it, holds what it may hold beside others: then it is the one to be refused."""
        party = self._stores.get(store)
        if store == SYSTEM or party is None:
            return False
        one, usual = party.callers.get(caller), self._usual(store, self._beside_others())
        return party.held >= usual or (one is not None and one.held >= self._of_a_caller(usual))

    def wait(self, store: str, caller: str, waiter: W) -> bool:
        """Queue for a slot, after take() said no; False where too many of this store, or of this caller, wait already."""
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
        """Wait no longer; nothing where its turn has come meanwhile."""
        party = self._stores.get(store)
        one = party.callers.get(caller) if party else None
        if one is None or waiter not in one.waiting:
            return
        one.waiting.remove(waiter)
        self.waiting -= 1
        self._tidy(store, caller)

    def give(self, store: str, caller: str) -> None:
        """A slot back; next_one() then says who has it."""
        party = self._stores[store]
        party.held -= 1
        party.callers[caller].held -= 1
        self.used -= 1
        self._tidy(store, caller)

    def next_one(self, now: float) -> W | None:
        """The waiter whose turn it is, holding its slot now; None while nobody who waits may have one."""
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
        """What a store may hold of `most`, after what is kept back for others."""
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
        """Forget who neither holds nor waits, or a million customers would stay in memory."""
        party = self._stores[store]
        one = party.callers[caller]
        if not one.held and not one.waiting:
            del party.callers[caller]
        if not party.held and not party.callers:
            del self._stores[store]


def _by_turns(parties: "Iterable[tuple[str, _Party[W]]]") -> "list[tuple[str, _Party[W]]]":
    return sorted(parties, key=lambda named: (named[1].held, named[1].turn))


class Shares:
    """Slots of one kind in this process, shared by `rules`; `name` is what metrics call them, `what` what a refusal does.

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
        """Slots that are held."""
        return self._turns.used

    @property
    def waiting(self) -> int:
        """Tasks that wait for one."""
        return self._turns.waiting

    def held(self, store: str) -> int:
        """Slots that a store holds."""
        return self._turns.held(store)

    @asynccontextmanager
    async def of(self, store: str | None = None, caller: str | None = None) -> AsyncIterator[None]:
        """Hold a slot for the length of the block, for the current store and caller unless others are named.

        Raises StoreBusy where this store already has its share and its queue is full or its wait too long, Unavailable where
        others have it all.
        """
        give = await self.take(store, caller)
        try:
            yield
        finally:
            give()

    async def take(self, store: str | None = None, caller: str | None = None) -> Callable[[], None]:
        """A slot, as what gives it back; the same as of() without the cost of a context manager. Raises as of()."""
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
            elif one.turn.exception() is None:  # the slot came in the same moment: nobody else would give it back
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
            if one.turn.done():  # cancelled, and not yet run to its end: the slot goes on to the next
                self._turns.give(one.store, one.caller)
            else:
                one.turn.set_result(None)

    def _refusal(self, one: "_Waiter") -> Unavailable:
        SHARES_REFUSED.labels(self.name).inc()
        if self._turns.over_its_share(one.store, one.caller):
            return StoreBusy(detail=f"This store has too many {self.what} running at once: repeat in a moment.", retry_after_seconds=1)
        return Unavailable(detail=f"Too many {self.what} are running at once.", retry_after_seconds=1)


@dataclass(eq=False, slots=True)
class _Waiter:
    """A task that waits, and for whom."""

    store: str
    caller: str
    turn: "asyncio.Future[None]"
