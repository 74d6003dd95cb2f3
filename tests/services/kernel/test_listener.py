"""Connections are taken many at a time: whoever opens hundreds does not keep the next caller waiting for as many turns of the loop."""

import asyncio
import errno
import socket

import pytest

from shared.web import listener
from shared.web.listener import Listener
from tests.shop import eventually

BURST = 300


class Entered(asyncio.Protocol):
    """Notes in which turn of the loop somebody came in, and answers what they send."""

    turns: list[int]
    turn = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).turns.append(type(self).turn)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(data)


def entered() -> type[Entered]:
    return type("Noted", (Entered,), {"turns": []})


async def _came(noted: type[Entered], count: int) -> bool:
    return len(noted.turns) >= count


async def test_a_burst_is_taken_in_a_few_turns() -> None:
    noted, loop = entered(), asyncio.get_running_loop()
    listening = await Listener.at("127.0.0.1", 0, noted)
    peers = [socket.socket() for _ in range(BURST)]
    for peer in peers:
        peer.connect(listening.sockets[0].getsockname())  # the kernel answers: nobody was taken yet
    assert noted.turns == []

    def another() -> None:
        noted.turn += 1
        if len(noted.turns) < BURST:
            loop.call_soon(another)

    another()
    await eventually(lambda: _came(noted, BURST))
    listening.close()
    for peer in peers:
        peer.close()
    assert len(set(noted.turns)) <= BURST / 10, "one connection in each turn of the loop"


async def test_who_is_in_stays_when_it_closes() -> None:
    noted = entered()
    listening = await Listener.at("localhost", 0, noted)
    address = listening.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address[:2])
    await eventually(lambda: _came(noted, 1))
    listening.close()
    await listening.wait_closed()
    writer.write(b"there?")
    assert await reader.readexactly(6) == b"there?"
    writer.close()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await asyncio.open_connection(*address[:2])


async def test_who_comes_in_while_it_closes_is_sent_away() -> None:
    """The server says goodbye to those whom it knows; one that came after that would hold up its end."""
    noted = entered()
    listening = await Listener.at("127.0.0.1", 0, noted)
    with socket.socket() as peer:
        peer.connect(listening.sockets[0].getsockname())
        listening._take(listening.sockets[0])
        listening.close()
        await listening.wait_closed()
        peer.settimeout(5)
        assert (peer.recv(1), noted.turns) == (b"", [])


async def test_a_taken_port_is_an_error() -> None:
    first = await Listener.at("127.0.0.1", 0, entered())
    with pytest.raises(OSError) as error:  # noqa: PT011  (the number is what is asserted)
        await Listener.at("127.0.0.1", first.sockets[0].getsockname()[1], entered())
    first.close()
    assert error.value.errno == errno.EADDRINUSE


async def test_it_goes_on_when_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors for a moment: who waits is taken later, and not one turn is spent on trying."""
    noted, full = entered(), [OSError(errno.EMFILE, "too many open files")]
    monkeypatch.setattr(listener, "PAUSE_SECONDS", 0.01)
    listening = await Listener.at("127.0.0.1", 0, noted)
    accept = socket.socket.accept

    def sometimes(one: socket.socket) -> object:
        if one is listening.sockets[0] and full:
            raise full.pop()
        return accept(one)

    monkeypatch.setattr(socket.socket, "accept", sometimes)
    _, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    await eventually(lambda: _came(noted, 1))
    writer.close()
    listening.close()
