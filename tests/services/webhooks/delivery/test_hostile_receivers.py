"""P11: whatever a receiver does, an attempt ends in time with an answer that says what happened."""

import asyncio
import contextlib

import pytest

from services.webhooks.delivery.dialing import RECEIVE_AT_MOST_BYTES
from services.webhooks.delivery.sending import KEEP_TEXT_BYTES, MAX_HEADERS, Sender
from tests.services.webhooks.delivery.attempts import ACCEPTED, BAD, BODY, HEADERS, LATE, OK, RESET, SHORT_SECONDS, sent
from tests.services.webhooks.receivers import (
    GIGABYTE,
    Behaviour,
    Receiver,
    answering,
    answering_in_turn,
    deaf,
    dripping,
    flooding,
    hanging_up,
    receiving,
    resetting,
    saying,
    silent,
    when,
)


@pytest.mark.parametrize(
    "beginning",
    [b"\r\n", b"Content-Length: %d\r\n\r\n" % GIGABYTE, b"Content-Encoding: gzip\r\n\r\n"],
    ids=["until the end", "announced", "said to be compressed"],
)
async def test_a_body_of_a_gigabyte_is_hung_up_on(sender: Sender, beginning: bytes) -> None:
    async with receiving(flooding(OK + beginning, b"x")) as receiver:
        answer = await sent(sender, receiver)
    assert (answer.status, answer.failed) == (200, None)
    assert answer.text == ("" if b"gzip" in beginning else "x" * KEEP_TEXT_BYTES)


@pytest.mark.parametrize(
    ("beginning", "part", "status", "told"),
    [
        (OK, b"X: y\r\n", None, BAD),
        (OK + b"X: ", b"y", None, BAD),
        (b"HTTP/1.1 200 ", b"y", None, BAD),
        (b"", b"\x00\xff\xfe", None, BAD),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", None, BAD),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", None, BAD),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", 200, ACCEPTED),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 200, ACCEPTED),
    ],
    ids=["headers", "one header", "status line", "garbage", "interim answers", "early hints", "decoration of a chunk", "tiny chunks"],
)
async def test_floods_are_hung_up_on(
    sender: Sender, beginning: bytes, part: bytes, status: int | None, told: tuple[str | None, str]
) -> None:
    """Long before the deadline: what arrived is at most a few buffers more than is ever read."""
    taken = [0]

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while taken[0] < GIGABYTE:
            writer.write(part * 1_000)
            await writer.drain()
            taken[0] += len(part) * 1_000

    async with receiving(behave) as receiver:
        answer = await sent(sender, receiver)
    assert (answer.status, answer.failed, answer.why) == (status, *told)
    assert taken[0] < RECEIVE_AT_MOST_BYTES + 16 * 2**20


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"<html>hi</html>",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"X: a\x00b\r\n\r\n",
        OK + b"".join(b"X-%d: 1\r\n" % number for number in range(MAX_HEADERS + 1)) + b"\r\n",
        OK + b"X: " + b"y" * 9_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_failure(sender: Sender, said: bytes) -> None:
    async with receiving(saying(said)) as receiver:
        answer = await sent(sender, receiver)
    assert (answer.status, answer.failed, answer.why, answer.text) == (None, *BAD, "")


@pytest.mark.parametrize(
    "behave", [resetting, hanging_up, saying(OK), saying(b"HTT")], ids=["reset", "hung up", "half a head", "half a line"]
)
async def test_a_connection_that_ends_early_is_a_failure(sender: Sender, behave: Behaviour) -> None:
    async with receiving(behave) as receiver:
        answer = await sent(sender, receiver)
    assert (answer.status, answer.failed, answer.why) == (None, *RESET)


async def test_a_reset_before_the_request_is_read(sender: Sender) -> None:
    async with receiving(resetting, reads=False) as receiver:
        answer = await sent(sender, receiver, b"x" * 2**23)
    assert (answer.status, answer.failed, answer.why) == (None, *RESET)


@pytest.mark.parametrize(
    "behave",
    [silent, dripping(b"H", b""), dripping(OK, b"X"), dripping(OK, b"X: y\r\n"), dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n")],
    ids=["silent", "silent after a byte", "a byte of the head from time to time", "a header from time to time", "interim answers"],
)
async def test_a_slow_receiver_is_not_waited_for(impatient: Sender, behave: Behaviour) -> None:
    async with receiving(behave) as receiver:
        answer = await sent(impatient, receiver)
    assert (answer.status, answer.failed, answer.why) == (None, *LATE)
    assert answer.duration_ms >= SHORT_SECONDS * 1_000


async def test_a_receiver_that_does_not_read_is_not_waited_for(impatient: Sender) -> None:
    async with receiving(deaf, reads=False) as receiver:
        answer = await impatient.send(url=receiver.url(), headers=HEADERS, body=b"x" * 2**24, loopback=True)
    assert (answer.status, answer.failed, answer.why) == (None, *LATE)


async def test_a_slow_text_is_not_waited_for_and_changes_nothing(impatient: Sender) -> None:
    async with receiving(dripping(OK + b"\r\nhello", b"")) as receiver:
        answer = await sent(impatient, receiver)
    assert (answer.status, answer.failed, answer.text) == (200, None, "hello")


async def test_an_answer_after_the_timeout_is_not_taken_for_the_next_one(impatient: Sender) -> None:
    late = asyncio.Event()
    async with receiving(answering_in_turn(when(late, answering(200, b"late")), answering(500, b"own"))) as receiver:
        first = await impatient.send(url=receiver.url(), headers=HEADERS, body=BODY, loopback=True)
        late.set()
        second = await impatient.send(url=receiver.url(), headers=HEADERS, body=BODY, loopback=True)
        await receiver.left()
    assert ((first.status, first.failed), (second.status, second.text)) == ((None, "timed_out"), (500, "own"))


async def test_hostile_and_polite_receivers_at_the_same_time(sender: Sender) -> None:
    """Ten floods change no answer of the others."""
    async with contextlib.AsyncExitStack() as stack:
        hostile = await stack.enter_async_context(receiving(flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n")))
        polite = await stack.enter_async_context(receiving(answering(200, b"thanks")))

        async def attempt(receiver: Receiver) -> tuple[int | None, str]:
            answer = await sender.send(url=receiver.url(), headers=HEADERS, body=BODY, loopback=True)
            return answer.status, answer.text

        answers = await asyncio.gather(*(attempt(receiver) for _ in range(10) for receiver in (hostile, polite)))
        await hostile.left()
    assert answers == [(None, ""), (200, "thanks")] * 10
