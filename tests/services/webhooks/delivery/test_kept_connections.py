"""P13: an open connection serves only its own endpoint, and only while the host's name means what it meant when it was made."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.webhooks.delivery import dialing
from services.webhooks.delivery.sending import Answer, Sender
from services.webhooks.rules.urls import PORTS
from tests.services.webhooks.delivery.attempts import BODY, HEADERS, OK, UNHURRIED_SECONDS
from tests.services.webhooks.delivery.test_p13_dialing import INWARD, NAME, OURS, Names, told
from tests.services.webhooks.receivers import Receiver, answering, answering_in_turn, receiving, resetting, saying
from tests.shop import PATIENCE_SECONDS, eventually

ONE, ANOTHER = ("store", "endpoint-1"), ("store", "endpoint-2")
EMPTY = OK + b"Content-Length: 0\r\n\r\n"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection waits as long as a busy machine may need until the next attempt."""
    monkeypatch.setattr(dialing, "KEEP_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
async def own_sender(patient: None) -> AsyncIterator[Sender]:
    """Its connections are this test's alone."""
    async with Sender(total_seconds=UNHURRIED_SECONDS, connect_seconds=UNHURRIED_SECONDS) as made:
        yield made


async def attempt(sender: Sender, receiver: Receiver, endpoint: object = ONE, host: str = "127.0.0.1", *, loopback: bool = True) -> Answer:
    return await sender.send(url=receiver.url(host), headers=HEADERS, body=BODY, loopback=loopback, endpoint=endpoint)


async def test_an_endpoint_is_called_again_on_its_connection_and_no_other_endpoint_is(own_sender: Sender) -> None:
    async with receiving(answering(200, b"thanks"), keeps=True) as receiver:
        answers = [await attempt(own_sender, receiver) for _ in range(3)]
        assert receiver.connections == 1
        await attempt(own_sender, receiver, ANOTHER)
        assert receiver.connections == 2, "the same address, of another endpoint"
        await attempt(own_sender, receiver, None)
        assert receiver.connections == 3, "of nobody"
        assert [seen.headers.get("connection") for seen in receiver.seen] == [None] * 4 + ["close"]
    assert {(one.status, one.text, one.address) for one in answers} == {(200, "thanks", "127.0.0.1")}


@pytest.mark.usefixtures("patient")
async def test_the_name_is_looked_up_at_each_attempt_and_must_mean_the_same() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.1"])
    async with receiving(answering(), certificate=OURS, keeps=True) as receiver:
        ports = {*PORTS, receiver.port}
        async with Sender(total_seconds=UNHURRIED_SECONDS, ports=ports, tls=OURS.trusting(), lookup=names.lookup) as sender:
            connections, answers = [], []
            for loopback in (True, True, True, True, False):
                answers.append(await attempt(sender, receiver, host=NAME, loopback=loopback))
                connections.append(receiver.connections)
    assert len(names.asked) == 5
    assert connections == [1, 1, 2, 2, 2]
    assert [one.status for one in answers] == [200, 200, 200, None, None]
    assert {told(one) for one in answers[3:]} == {INWARD}, "a name that leads inward now, and one that may no longer lead here"


async def test_a_connection_that_was_closed_in_the_meantime_is_no_failure(own_sender: Sender) -> None:
    async with receiving(answering_in_turn(answering(), resetting, answering()), keeps=True) as receiver:
        answers = [await attempt(own_sender, receiver) for _ in range(2)]
        assert ([one.status for one in answers], receiver.connections, len(receiver.seen)) == ([200, 200], 2, 3)


async def test_what_was_answered_in_part_is_not_repeated(own_sender: Sender) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200")
        await writer.drain()
        writer.close()

    async with receiving(answering_in_turn(answering(), half, answering()), keeps=True) as receiver:
        answers = [await attempt(own_sender, receiver) for _ in range(2)]
        assert ([one.failed for one in answers], len(receiver.seen)) == ([None, "reset"], 2)


async def test_a_new_connection_that_fails_is_not_repeated(own_sender: Sender) -> None:
    async with receiving(answering_in_turn(resetting, answering()), keeps=True) as receiver:
        answer = await attempt(own_sender, receiver)
        assert (answer.failed, receiver.connections) == ("reset", 1)


async def fit(sender: Sender) -> bool:
    """Whether a connection that is open could serve another attempt."""
    connector = sender._session.connector
    assert isinstance(connector, dialing.VettingConnector)
    return any(not protocol.should_close for waiting in connector._conns.values() for protocol, _ in waiting)


async def test_two_answers_at_once_are_not_an_answer_for_the_next(own_sender: Sender) -> None:
    async with receiving(answering_in_turn(saying(EMPTY + EMPTY), answering(500, b"own")), keeps=True) as receiver:
        first, second = await attempt(own_sender, receiver), await attempt(own_sender, receiver)
        assert (first.status, second.status, second.text, receiver.connections) == (200, 500, "own", 2)


async def test_what_comes_later_and_nobody_asked_for_is_not_the_next_answer(own_sender: Sender) -> None:
    again = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(EMPTY)
        await writer.drain()
        await again.wait()
        writer.write(EMPTY)
        await writer.drain()

    async def unfit() -> bool:
        return not await fit(own_sender)

    async with receiving(answering_in_turn(late, answering(500, b"own")), keeps=True) as receiver:
        first = await attempt(own_sender, receiver)
        assert await fit(own_sender)
        again.set()
        await eventually(unfit)
        second = await attempt(own_sender, receiver)
        assert (first.status, second.status, second.text, receiver.connections) == (200, 500, "own", 2)


async def test_each_answer_has_its_own_room(own_sender: Sender) -> None:
    async with receiving(answering(200, b"x" * 60_000), keeps=True) as receiver:
        answers = [await attempt(own_sender, receiver) for _ in range(5)]
        assert ({one.status for one in answers}, receiver.connections) == ({200}, 1)


async def test_it_does_not_stay_open_for_long() -> None:
    async with receiving(answering(), keeps=True) as receiver, Sender(total_seconds=UNHURRIED_SECONDS) as sender:
        await attempt(sender, receiver)
        assert receiver.open == 1
        await receiver.left()


@pytest.mark.parametrize(("limit", "value"), [("OPEN_AT_MOST", 0), ("USE_SECONDS", -1.0)])
async def test_it_is_closed_beyond_a_number_and_an_age(
    own_sender: Sender, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(dialing, limit, value)
    async with receiving(answering(), keeps=True) as receiver:
        for _ in range(2):
            await attempt(own_sender, receiver)
            await receiver.left()
        assert receiver.connections == 2
