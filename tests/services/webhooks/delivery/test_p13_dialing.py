"""P13: no packet goes to an address that was not vetted, whatever the name, its answers, their order or their change."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from services.webhooks.delivery.dialing import Dial, Lookup, Threads, VettingConnector, dialling, vetted_socket
from services.webhooks.delivery.sending import Answer, Sender
from services.webhooks.rules.urls import PORTS
from tests.services.webhooks.receivers import (
    Behaviour,
    Certificate,
    Receiver,
    answering,
    certificate,
    flooding,
    hanging_up,
    receiving,
    resetting,
    saying,
    silent,
)

NAME = "hooks.example.com"
PUBLIC, PUBLIC_V6 = "203.0.114.1", "2606:4700:4700::1111"
OURS = certificate([NAME])
HEADERS = {"webhook-id": "evt_1"}
UNHURRIED_SECONDS = 60.0
INWARD = (None, "inward_address", "The host leads to an address that is not a public one: nothing was sent.")


class Names:
    """A name server under the test's control: each lookup takes the next answer, the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def lookup(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def sending(
    receiver: Receiver, lookup: Lookup | None = None, trusted: Certificate = OURS, *, connect_seconds: float = UNHURRIED_SECONDS
) -> AsyncIterator[Sender]:
    ports = {*PORTS, receiver.port}
    seconds = {"total_seconds": UNHURRIED_SECONDS, "connect_seconds": connect_seconds}
    async with Sender(**seconds, ports=ports, tls=trusted.trusting(), lookup=lookup) as sender:
        yield sender


async def sent(sender: Sender, url: str, *, loopback: bool) -> Answer:
    return await sender.send(url=url, headers=HEADERS, body=b"{}", loopback=loopback)


def told(answer: Answer) -> tuple[int | None, str | None, str]:
    return answer.status, answer.failed, answer.why


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["169.254.169.254"],
        ["fe80::1%1"],
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [PUBLIC, PUBLIC_V6, "10.0.0.1"],
        [PUBLIC] * 100 + ["fd00::1"],
    ],
)
async def test_a_name_with_any_inward_answer_is_refused_whole(answers: list[str]) -> None:
    names = Names(answers)
    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, names.lookup) as sender:
        answer = await sent(sender, receiver.url(NAME), loopback=False)
        assert (receiver.connections, names.asked) == (0, [(NAME, receiver.port)])
    assert (told(answer), answer.address) == (INWARD, None)


async def test_development_permits_loopback_and_nothing_else() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["0.0.0.0"])
    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, names.lookup) as sender:
        answers = [await sent(sender, receiver.url(NAME), loopback=True) for _ in range(3)]
        assert receiver.connections == 1
    assert [(answer.status, answer.failed, answer.address) for answer in answers] == [
        (200, None, "127.0.0.1"),
        (None, "inward_address", None),
        (None, "inward_address", None),
    ]


async def test_a_name_is_resolved_once_and_what_was_judged_is_dialled() -> None:
    """A second lookup would give another address: there is none, neither within an attempt nor out of a cache in the next one."""
    names = Names(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"])
    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, names.lookup) as sender:
        answers = [await sent(sender, receiver.url(NAME), loopback=True) for _ in range(3)]
        assert (len(names.asked), receiver.connections) == (3, 2)
        assert [seen.headers["host"] for seen in receiver.seen] == [f"{NAME}:{receiver.port}"] * 2
        assert receiver.names == [NAME, NAME]
    assert [(answer.failed, answer.address) for answer in answers] == [(None, "127.0.0.1"), ("refused", "127.0.0.2"), (None, "127.0.0.1")]


async def test_a_permission_is_not_inherited_through_a_connection() -> None:
    names = Names(["127.0.0.1"])
    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, names.lookup) as sender:
        permitted = await sent(sender, receiver.url(NAME), loopback=True)
        refused, again = await asyncio.gather(
            sent(sender, receiver.url(NAME), loopback=False), sent(sender, receiver.url(NAME), loopback=True)
        )
        assert receiver.connections == 2
    assert (permitted.status, told(refused), again.status) == (200, INWARD, 200)


async def test_the_address_that_connected_is_told() -> None:
    """The receiver listens on one of three addresses."""
    names = Names(["127.0.0.2", "127.0.0.1", "127.0.0.3"])
    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, names.lookup) as sender:
        answer = await sent(sender, receiver.url(NAME), loopback=True)
    assert (answer.status, answer.address) == (200, "127.0.0.1")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "0177.0.0.1", "2130706433", "0x7f.1", "①②⑦.⓪.⓪.①", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "LOCALHOST", "127.0.0.1.", "localhost.",
    ],
)  # fmt: skip
async def test_no_notation_gets_past_the_socket(host: str) -> None:
    """Even without the rule of URLs: the real resolver and aiohttp read the host as they like, and no connection is made."""
    threads, dial = Threads(), Dial(loopback=False)
    token = dialling.set(dial)
    async with receiving(answering()) as receiver:
        connector = VettingConnector(threads.lookup, ssl.create_default_context())
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises((aiohttp.ClientError, ValueError)):
                await session.get(f"http://{host}:{receiver.port}/")
        assert (receiver.connections, dial.sockets) == (0, [])
    dialling.reset(token)
    threads.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "127.1", "0x7f.1", "localhost", "①②⑦.⓪.⓪.①"])
async def test_no_notation_gets_past_the_sender(host: str) -> None:
    async with receiving(answering()) as receiver, sending(receiver) as sender:
        answer = await sent(sender, receiver.url(host), loopback=False)
        assert receiver.connections == 0
    assert (answer.status, answer.failed, answer.address) == (None, "inward_address" if host in {"127.0.0.1", "[::1]"} else "bad_url", None)


def info(address: str) -> tuple[int, int, int, str, tuple[str, int]]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "fe80::1%1"]
)
def test_no_socket_is_made_for_an_inward_address(address: str) -> None:
    dial = Dial(loopback=False)
    token = dialling.set(dial)
    with pytest.raises(OSError, match="leads inward"):
        vetted_socket(info(address))
    dialling.reset(token)
    assert (dial.refused, dial.sockets, dial.address) == (address, [], None)


def test_of_several_addresses_the_one_that_is_left_open_is_told() -> None:
    dial = Dial(loopback=True)
    token = dialling.set(dial)
    made = [vetted_socket(info(f"127.0.0.{number}")) for number in (1, 2, 3)]
    dialling.reset(token)
    assert dial.address == "127.0.0.3"
    made[0].close()
    made[2].close()
    dial.note_connected()
    assert dial.address == "127.0.0.2"
    made[1].close()


def test_no_socket_is_made_outside_of_an_attempt() -> None:
    with pytest.raises(LookupError):
        vetted_socket(info(PUBLIC))


async def test_a_name_that_does_not_exist() -> None:
    async def lookup(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, lookup) as sender:
        answer = await sent(sender, receiver.url(NAME), loopback=False)
    assert told(answer) == (None, "no_such_host", "The host's name could not be resolved.")


async def test_a_name_without_addresses() -> None:
    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, Names([]).lookup) as sender:
        answer = await sent(sender, receiver.url(NAME), loopback=False)
    assert told(answer) == (None, "no_such_host", "The host's name could not be resolved.")


async def test_a_name_server_that_never_answers() -> None:
    async def lookup(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    async with receiving(answering(), certificate=OURS) as receiver, sending(receiver, lookup, connect_seconds=0.2) as sender:
        answer = await sent(sender, receiver.url(NAME), loopback=False)
    assert (told(answer), answer.address) == ((None, "timed_out", "No connection could be made within 0.2 s."), None)


async def test_the_systems_names_are_looked_up_in_threads_of_our_own() -> None:
    threads = Threads()
    assert "127.0.0.1" in await threads.lookup("localhost", 443)
    with pytest.raises(OSError, match="cannot be a host's name"):
        await threads.lookup("a" * 64 + ".example", 443)
    threads.close()


@pytest.mark.parametrize(
    ("serving", "why"),
    [
        (certificate([NAME]), "self-signed certificate"),
        (certificate(["other.example.com"]), f"Hostname mismatch, certificate is not valid for '{NAME}'"),
        (certificate([NAME], valid_for=timedelta(days=-1)), "certificate has expired"),
    ],
    ids=["not trusted", "of another name", "expired"],
)
async def test_a_certificate_must_be_trusted_valid_and_the_hosts(serving: Certificate, why: str) -> None:
    trusted = OURS if why.startswith("self") else serving
    async with receiving(answering(), certificate=serving) as receiver, sending(receiver, Names(["127.0.0.1"]).lookup, trusted) as sender:
        answer = await sent(sender, receiver.url(NAME), loopback=True)
        assert receiver.seen == []
    assert told(answer) == (None, "tls", f"No secure connection could be made: {why}.")


@pytest.mark.parametrize(
    ("behave", "failed"),
    [
        (saying(b"HTTP/1.1 200 OK\r\n\r\n"), "tls"),
        (flooding(b"", b"\x16\x03\x01\xff\xff"), "tls"),
        (resetting, "reset"),
        (hanging_up, "reset"),
    ],
    ids=["plain HTTP", "garbage", "reset", "hung up"],
)
async def test_a_broken_handshake_is_told(behave: Behaviour, failed: str) -> None:
    async with receiving(behave, reads=False) as receiver:
        receiver.scheme = "https"
        async with sending(receiver, Names(["127.0.0.1"]).lookup) as sender:
            answer = await sent(sender, receiver.url(NAME), loopback=True)
    assert (answer.status, answer.failed, answer.address) == (None, failed, "127.0.0.1")


async def test_a_handshake_that_never_ends() -> None:
    async with receiving(silent, reads=False) as receiver:
        receiver.scheme = "https"
        async with sending(receiver, Names(["127.0.0.1"]).lookup, connect_seconds=0.5) as sender:
            answer = await sent(sender, receiver.url(NAME), loopback=True)
        await receiver.left()
    assert told(answer) == (None, "timed_out", "No connection could be made within 0.5 s.")


async def test_plain_http_and_other_ports_are_refused_when_sending_too() -> None:
    """A URL that was stored before the rule became stricter."""
    async with receiving(answering()) as receiver, sending(receiver, Names([PUBLIC]).lookup) as sender:
        plain = await sent(sender, f"http://{NAME}/", loopback=True)
        port = await sent(sender, f"https://{NAME}:22/", loopback=True)
    assert told(plain) == (None, "bad_url", "The URL must begin with https://.")
    assert (port.failed, port.address) == ("bad_url", None)


async def test_a_gigabyte_over_tls_is_hung_up_on() -> None:
    async with (
        receiving(flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), certificate=OURS) as receiver,
        sending(receiver, Names(["127.0.0.1"]).lookup) as sender,
    ):
        answer = await sent(sender, receiver.url(NAME), loopback=True)
        await receiver.left()
    assert (answer.status, answer.text) == (200, "x" * 4_096)
