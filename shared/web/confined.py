"""Confined processes, which handle untrusted bytes, with a deadline, a memory limit and fair shares of the processes.

The deadline is in processor time. On a busy machine a small picture takes as long by the clock as a decompression bomb on an idle one,
but must be neither refused permanently nor begun again and again: it goes on, slowly, for as long as a caller can be expected to wait.
"""

import asyncio
import json
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import structlog

from shared.contracts.errors import Unavailable
from shared.data.shares import Rules, Shares
from shared.web.confined_child import Refusal

log = structlog.get_logger()

PROJECT = Path(__file__).resolve().parents[2]
USER_TIME, SYSTEM_TIME = 11, 12  # fields of /proc/PID/stat, counted after the name
ANSWERS_PER_PROCESS = 1_000  # then a new process replaces it, so that memory cannot grow without limit
PATIENCE = 4
"""By the clock, an answer may take this many deadlines; a process that has then had less processor time than one was starved."""
LOOK_SECONDS = 0.05
"""Shortest time between two looks at how much processor time a process has used."""
BUSY_SECONDS = 5
"""Retry-After if the machine is too busy."""


class Slow(Exception):  # noqa: N818  (describes the outcome)
    """It used more processor time than the deadline, and was ended."""


class Starved(Unavailable):
    """It got too little processor time, and was ended; a retry may succeed."""


class Died(Exception):  # noqa: N818  (describes the outcome)
    """The process ended, most likely because it ran out of memory."""


class Broken(Exception):  # noqa: N818  (describes the outcome)
    """It answered with an error; this carries the error's text."""


@dataclass(frozen=True, slots=True)
class Confines:
    """What the processes of one kind run, and their limits."""

    name: str
    module: str  # the module that they run; its argument is the memory limit
    what: str  # what a refusal calls them
    rules: Rules
    deadline_seconds: float  # of processor time for one answer
    memory_mb: int  # address space of one process
    recycle_mb: int  # resident memory above which a process is ended after its answer
    wait_seconds: float


class Confined:
    """A few processes, each started when first needed and replaced when it fails, grows too large or has answered enough questions."""

    def __init__(self, confines: Confines) -> None:
        self.confines = confines
        self.deadline_seconds = confines.deadline_seconds
        self.shares = Shares(confines.name, confines.rules, wait_seconds=confines.wait_seconds, what=confines.what)
        self._free: list[_Child] = []
        self._starting: set[asyncio.Task[_Child]] = set()

    async def ask(self, question: bytes | Callable[[], bytes], store: str | None = None, caller: str | None = None) -> bytes:
        """The answer. Pass a function if the question takes time to build: it is then built once its turn has come, in a thread.

        A process that dies of it although it answered others before is no verdict: what they left in its memory may have killed it.
        The question is then asked once more, of a new one. Raises Refusal, Slow, Starved, Died, Broken; StoreBusy and Unavailable as
        Shares.of() does.
        """
        async with self.shares.of(store, caller):
            if not isinstance(question, bytes):
                question = await asyncio.to_thread(question)
            child, is_new = await self._child()
            try:
                answer = await self._answer(child, question)
            except Died:
                if is_new:
                    raise  # nobody else's work was in its memory: the question itself was too much for it
                log.warning("process_died", what=self.confines.name, asked="again, of a new one")
                child = await self._start()
                answer = await self._answer(child, question)
            if child.resident_mb() > self.confines.recycle_mb:
                await asyncio.shield(child.end())
                self._replace()
            else:
                self._free.append(child)
        return _opened(answer)

    async def _answer(self, child: "_Child", question: bytes) -> bytes:
        """The child's answer; a child that gives none is ended. Raises Slow, Starved, Died."""
        try:
            return await self._in_time(child, question)
        except BaseException as error:
            await asyncio.shield(child.end())
            if isinstance(error, asyncio.IncompleteReadError | ConnectionError):
                raise Died from error
            raise

    async def _in_time(self, child: "_Child", question: bytes) -> bytes:
        """The child's answer. Raises Slow or Starved if it takes too long; the child must then be ended."""
        asking = asyncio.ensure_future(child.ask(question))
        processor, clock = child.processor_seconds() + self.deadline_seconds, monotonic() + PATIENCE * self.deadline_seconds
        try:
            while not asking.done():
                left = min(processor - child.processor_seconds(), clock - monotonic())
                await asyncio.wait({asking}, timeout=max(LOOK_SECONDS, left))
                if asking.done():
                    break
                if child.processor_seconds() >= processor:
                    raise Slow
                if monotonic() >= clock:
                    raise Starved(detail=f"The machine is too busy for {self.confines.what}.", retry_after_seconds=BUSY_SECONDS)
            return await asking
        finally:
            asking.cancel()

    async def _child(self) -> tuple["_Child", bool]:
        """A process, and whether it was started for this caller."""
        while self._free:
            child = self._free.pop()
            if child.is_fit:
                return child, False
            await asyncio.shield(child.end())
        return await self._start(), True

    async def _start(self) -> "_Child":
        """A process that has answered nothing: the one that is starting, or else another."""
        starting = self._starting.pop() if self._starting else asyncio.ensure_future(_Child.start(self.confines))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_ended_unused)
            raise

    def _replace(self) -> None:
        """Start the next process now, while nobody waits: otherwise the next caller would wait for a start that this caller caused."""
        starting = asyncio.ensure_future(_Child.start(self.confines))
        self._starting.add(starting)
        starting.add_done_callback(self._started)

    def _started(self, starting: "asyncio.Task[_Child]") -> None:
        if starting not in self._starting:
            return  # a caller has already taken it and waits for it
        self._starting.discard(starting)
        if starting.cancelled() or starting.exception() is not None:
            log.warning("process_not_started", what=self.confines.name, error=repr(None if starting.cancelled() else starting.exception()))
        else:
            self._free.insert(0, starting.result())  # used after those that are warm

    async def close(self) -> None:
        """End every idle process; busy ones end with their caller."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        while self._free:
            await self._free.pop().end()


class _Child:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers = 0
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def start(cls, confines: Confines) -> "_Child":
        """Start a process, whose environment contains nothing of ours but PATH."""
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(PROJECT), "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        command = (sys.executable, "-m", confines.module, str(confines.memory_mb))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=PROJECT, env=environment)
        return cls(process)

    @property
    def is_fit(self) -> bool:
        """Whether it is running, has not answered too many questions, and belongs to the current event loop."""
        return self._process.returncode is None and self._answers < ANSWERS_PER_PROCESS and self._loop is asyncio.get_running_loop()

    def processor_seconds(self) -> float:
        """The processor time that it has used since its start; seconds of the clock if that is not known."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return monotonic()
        return (int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> int:
        """Its current resident memory; 0 if that is not known."""
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20
        except (OSError, IndexError):
            return 0

    async def ask(self, question: bytes) -> bytes:
        """One question, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(struct.pack(">I", len(question)))
        self._process.stdin.write(question)
        await self._process.stdin.drain()
        length = struct.unpack(">I", await self._process.stdout.readexactly(4))[0]
        answer = await self._process.stdout.readexactly(length)
        self._answers += 1
        return answer

    async def end(self) -> None:
        """Kill it and wait until it has ended."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def _opened(answer: bytes) -> bytes:
    kind, content = answer[:1], answer[1:]
    if kind == b"R":
        raise Refusal(**json.loads(content))
    if kind != b"A":
        raise Broken(content.decode(errors="replace"))
    return content


def _ended_unused(starting: "asyncio.Task[_Child]") -> None:
    """End a process whose caller is gone."""
    if not starting.cancelled() and starting.exception() is None:
        starting.result()._process.kill()
