"""Resolving and connecting for aiohttp, to vetted addresses only (docs/decisions/0901-the-dialled-address-is-vetted.md).

An attempt sets the Dial of its context. The resolver refuses a name with any inward answer, and the factory of sockets judges each
address again when it is about to be dialled, literal ones too. Without a Dial there is no socket.

A connection may stay open for the next attempt of the same endpoint. That one resolves and judges as if it dialled, and uses only a
connection that was made under the very same answer.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import is_ip_address
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace

from services.webhooks.rules.addresses import inward

LOOKUPS_AT_ONCE = 64
RECEIVE_AT_MOST_BYTES = 131_072
KEEP_SECONDS = 2.0
"""How long a connection may wait for its endpoint's next attempt: less than receivers usually wait (5 s and more)."""
USE_SECONDS = 60.0
"""How old a connection may become."""
OPEN_AT_MOST = 400
"""Connections of this process beyond which none is kept open."""
RECEIVE_AT_ONCE_BYTES = 32_768
"""Kept small, so that one turn of the event loop parses little of what a hostile receiver sends."""

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a host, as text. Raises OSError."""


class InwardAddress(OSError):  # noqa: N818  (a refusal is not an error of anybody)
    """The address, or one of the addresses of the name, leads inward."""


@dataclass(slots=True)
class Dial:
    """What one attempt may dial, and what became of it.

    `owner` is the endpoint whose open connections it may use, and for which its own stays open; None for neither. `addresses` is what
    the host's name means now. `reused` says whether the connection was open already, `heard` whether anything came back on it.
    """

    loopback: bool
    owner: Hashable = None
    addresses: tuple[str, ...] = ()
    reused: bool = False
    heard: bool = False
    refused: str | None = None
    connected: str | None = None
    sockets: list[tuple[str, socket.socket]] = field(default_factory=list)

    @property
    def address(self) -> str | None:
        """The address that was connected, else the last one that was dialled."""
        return self.connected or (self.sockets[-1][0] if self.sockets else None)

    def vet(self, addresses: Sequence[str]) -> None:
        """Raise InwardAddress if any address may not be dialled."""
        for text in addresses:
            if inward(ip_address(text), loopback=self.loopback):
                self.refused = text
                raise InwardAddress(f"{text} leads inward")

    def note_connected(self) -> None:
        """Note which address is connected: of several that were dialled at the same time, the others are closed by now."""
        self.connected = next((address for address, made in reversed(self.sockets) if made.fileno() != -1), None)


dialling: ContextVar[Dial] = ContextVar("dialling")
"""The attempt that is under way in this context."""


class Threads:
    """Looks names up as the system does, in threads of its own, because a name server may block one for half a minute."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="webhook-lookup")

    async def lookup(self, host: str, port: int) -> Sequence[str]:
        """All addresses of the host, without repetition. Raises OSError."""

        def find() -> list[str]:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except UnicodeError as error:  # from the encoding of names, for a part that is empty or too long
                raise OSError(f"{host} cannot be a host's name") from error
            return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, find)

    def close(self) -> None:
        """Start no further lookup; those that run end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class VettingResolver(AbstractResolver):
    """Refuses a name whole if any of its addresses leads inward."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The vetted addresses of the host, which is looked up once in an attempt. Raises OSError, InwardAddress."""
        dial = dialling.get()
        if not dial.addresses:
            addresses = await self._lookup(host, port)
            if not addresses:
                raise OSError(f"{host} has no address")
            dial.vet(addresses)
            dial.addresses = tuple(addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in dial.addresses
        ]

    async def close(self) -> None:
        """Nothing to close: the lookup is its owner's."""


def vetted_socket(wanted: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
    """A socket for exactly this address (as getaddrinfo describes it). Raises InwardAddress, or LookupError outside of an attempt."""
    family, kind, protocol, _, sockaddr = wanted
    dial, address = dialling.get(), str(sockaddr[0])
    dial.vet((address,))
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_AT_ONCE_BYTES)
    dial.sockets.append((address, made))
    return made


class BoundedHandler(ResponseHandler):
    """One connection. It hangs up on a receiver that sends more than any answer of which something is kept.

    aiohttp limits each header and their number, but not how many interim answers (100, 103) come before the final one, nor the
    decoration of chunks: both could keep a processor busy until the deadline.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, open_ones: "set[BoundedHandler]") -> None:
        super().__init__(loop)
        self._open_ones = open_ones
        self._made = loop.time()
        self._dial: Dial | None = None
        self._address: str | None = None
        self._room = RECEIVE_AT_MOST_BYTES

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        self._open_ones.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it no more."""
        self._open_ones.discard(self)
        super().connection_lost(exc)

    def serves(self, dial: Dial) -> bool:
        """Take it for this attempt. Returns False if it has served before and is no longer fit: nobody asked for what came since.

        Raises InwardAddress if the attempt may not send to where it leads.
        """
        if self._dial is None:
            dial.note_connected()
            self._address = dial.connected
        elif self._address is None or self.should_close:
            return False
        else:
            dial.vet((self._address,))
            dial.connected, dial.reused = self._address, True
            self._room = RECEIVE_AT_MOST_BYTES
        self._dial = dial
        return True

    @property
    def should_close(self) -> bool:
        """Whether no other attempt may use it."""
        kept = self._dial is not None and self._dial.owner is not None and len(self._open_ones) <= OPEN_AT_MOST
        return not kept or self._loop.time() - self._made > USE_SECONDS or super().should_close

    def data_received(self, data: bytes) -> None:
        """Pass on what still fits."""
        if self._dial is not None:
            self._dial.heard = True
        self._room -= len(data)
        if self._room >= 0:
            super().data_received(data)
        elif self.transport is not None:
            self.set_exception(HttpProcessingError(message="too long"))
            self.transport.abort()


class VettedRequest(aiohttp.ClientRequest):
    """A request that shares connections only with the same endpoint's, under the same permission and the same answer of the resolver."""

    @property
    def connection_key(self) -> ConnectionKey:
        """What connections are kept by."""
        dial = dialling.get()
        ours: Any = (dial.owner, dial.loopback, frozenset(dial.addresses))
        return super().connection_key._replace(proxy_headers_hash=ours)  # the one part that is free: there are no proxies


class VettingConnector(aiohttp.TCPConnector):
    """Each attempt resolves once, and dials anew unless its endpoint has an open connection to just there."""

    def __init__(self, lookup: Lookup, tls: SSLContext) -> None:
        self._vetting = VettingResolver(lookup)
        super().__init__(
            resolver=self._vetting, socket_factory=vetted_socket, ssl=tls, use_dns_cache=False, keepalive_timeout=KEEP_SECONDS, limit=0
        )
        handler: Callable[..., ResponseHandler] = BoundedHandler
        self._factory = partial(handler, asyncio.get_running_loop(), set())  # there is no public way; a test counts the bytes

    async def connect(self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        """A connection that this attempt may use. Raises ClientConnectorError, TimeoutError, InwardAddress."""
        dial = dialling.get()
        async with asyncio.timeout(timeout.connect):
            if not is_ip_address(req.url.raw_host):
                try:
                    await self._vetting.resolve(req.url.raw_host or "", req.url.port or 0)
                except TimeoutError:
                    raise
                except OSError as error:
                    raise aiohttp.ClientConnectorDNSError(req.connection_key, error) from error
            while True:
                connection = await super().connect(req, traces, timeout)
                try:
                    if isinstance(connection.protocol, BoundedHandler) and connection.protocol.serves(dial):
                        return connection
                except BaseException:
                    connection.close()
                    raise
                connection.close()
