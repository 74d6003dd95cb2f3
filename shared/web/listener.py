"""Taking connections: all that wait, many in one turn of the event loop.

uvloop takes one in a turn. While a turn lasts milliseconds, whoever opens hundreds of connections again and again fills the queue in
front of the port, and everybody else's next one waits in it for seconds.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence

import structlog

log = structlog.get_logger()

TAKEN_AT_ONCE = 64
BACKLOG = 2_048
PAUSE_SECONDS = 0.1
"""How long nothing is taken where descriptors or memory have run out: the lobby sends somebody away meanwhile."""
NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Listener:
    """Sockets that listen, and what is made for each connection; closes as an asyncio server does."""

    def __init__(self, sockets: Sequence[socket.socket], make: Callable[[], asyncio.Protocol]) -> None:
        self.sockets = tuple(sockets)
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        self._closed = False
        for listening in self.sockets:
            listening.setblocking(False)
            listening.listen(BACKLOG)
            self._loop.add_reader(listening, self._take, listening)

    @classmethod
    async def at(cls, host: str, port: int, make: Callable[[], asyncio.Protocol]) -> "Listener":
        """At every address of `host`; port 0 takes a free one. Raises OSError where an address is taken or is not ours."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        sockets: list[socket.socket] = []
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                sockets.append(_bound(family, kind, protocol, address))
            return cls(sockets, make)
        except BaseException:
            for one in sockets:
                one.close()
            raise

    def close(self) -> None:
        """Take nobody any more; whoever is in stays."""
        self._closed = True
        for listening in self.sockets:
            self._loop.remove_reader(listening)
            listening.close()

    async def wait_closed(self) -> None:
        """Until whoever was just coming in is in."""
        await asyncio.gather(*self._entering, return_exceptions=True)

    def _take(self, listening: socket.socket) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                taken, _ = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in NO_ROOM:
                    self._pause(listening, error)
                    return
                continue  # it left before it was taken
            entering = self._loop.create_task(self._enter(taken))
            self._entering.add(entering)
            entering.add_done_callback(self._entering.discard)

    async def _enter(self, taken: socket.socket) -> None:
        try:
            if self._closed:
                raise ConnectionAbortedError  # the server has said goodbye to those that it knew: this one would hold up its end
            taken.setblocking(False)
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(self._make, taken)
        except OSError:
            taken.close()
        except BaseException:
            taken.close()
            raise

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        log.error("no_room_for_connections", error=repr(error))
        self._loop.remove_reader(listening)
        self._loop.call_later(PAUSE_SECONDS, self._resume, listening)

    def _resume(self, listening: socket.socket) -> None:
        if not self._closed:
            self._loop.add_reader(listening, self._take, listening)


def _bound(family: int, kind: int, protocol: int, address: object) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)  # type: ignore[arg-type]  # as getaddrinfo gave it
    except BaseException:
        made.close()
        raise
    return made
