"""Accepting connections: all that are waiting, many in one turn of the event loop.

uvloop accepts one per turn. When turns take milliseconds, a client that keeps opening hundreds of connections fills the port's accept
queue, and everybody else's next connection waits in it for seconds.
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
"""How long nothing is accepted once descriptors or memory have run out; in the meantime the lobby closes connections."""
NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Listener:
    """Listening sockets, and the factory of a protocol for each connection; closes like an asyncio server."""

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
        """Listen on every address of `host`; port 0 picks a free one. Raises OSError if an address is taken or is not ours."""
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
        """Stop accepting; open connections stay open."""
        self._closed = True
        for listening in self.sockets:
            self._loop.remove_reader(listening)
            listening.close()

    async def wait_closed(self) -> None:
        """Wait until connections that were just accepted are set up."""
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
                continue  # the client left before it was accepted
            entering = self._loop.create_task(self._enter(taken))
            self._entering.add(entering)
            entering.add_done_callback(self._entering.discard)

    async def _enter(self, taken: socket.socket) -> None:
        try:
            if self._closed:
                raise ConnectionAbortedError  # the server has already closed the connections that it knows: this one would delay its end
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
