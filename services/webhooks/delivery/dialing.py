"""Resolving and connecting for aiohttp, to vetted addresses only (docs/decisions/0901-the-dialled-address-is-vetted.md).

An attempt sets the Dial of its context. The resolver refuses a name with any inward answer, and the factory of sockets judges each
address again when it is about to be dialled, literal ones too. Without a Dial there is no socket.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from ssl import SSLContext
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from services.webhooks.rules.addresses import inward

LOOKUPS_AT_ONCE = 64
RECEIVE_AT_MOST_BYTES = 131_072
RECEIVE_AT_ONCE_BYTES = 32_768
"""Kept small, so that one turn of the event loop parses little of what a hostile receiver sends."""

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a host, as text. Raises OSError."""


class InwardAddress(OSError):  # noqa: N818  (a refusal is not an error of anybody)
    """The address, or one of the addresses of the name, leads inward."""


@dataclass(slots=True)
class Dial:
    """What one attempt may dial, and what became of it."""

    loopback: bool
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
        """The vetted addresses of the host. Raises OSError, InwardAddress."""
        addresses = await self._lookup(host, port)
        if not addresses:
            raise OSError(f"{host} has no address")
        dialling.get().vet(addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
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
    """Hangs up on a receiver that sends more than any answer of which something is kept.

    aiohttp limits each header and their number, but not how many interim answers (100, 103) come before the final one, nor the
    decoration of chunks: both could keep a processor busy until the deadline.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._room = RECEIVE_AT_MOST_BYTES

    def data_received(self, data: bytes) -> None:
        """Pass on what still fits."""
        self._room -= len(data)
        if self._room >= 0:
            super().data_received(data)
        elif self.transport is not None:
            self.set_exception(HttpProcessingError(message="too long"))
            self.transport.abort()


class VettingConnector(aiohttp.TCPConnector):
    """A connector without a pool and a cache: each attempt resolves once and dials anew."""

    def __init__(self, lookup: Lookup, tls: SSLContext) -> None:
        super().__init__(
            resolver=VettingResolver(lookup), socket_factory=vetted_socket, ssl=tls, use_dns_cache=False, force_close=True, limit=0
        )
        handler: type[ResponseHandler] = BoundedHandler
        self._factory = partial(handler, loop=asyncio.get_running_loop())  # there is no public way; a test counts the bytes


def telling_what_connected() -> aiohttp.TraceConfig:
    """Notes in the Dial of each attempt which address was connected."""

    async def connected(_session: aiohttp.ClientSession, _context: SimpleNamespace, _what: aiohttp.TraceConnectionCreateEndParams) -> None:
        dialling.get().note_connected()

    told = aiohttp.TraceConfig()
    told.on_connection_create_end.append(connected)
    return told
