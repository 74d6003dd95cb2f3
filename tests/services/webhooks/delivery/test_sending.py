"""What is sent, and what is told of an answer."""

import asyncio
import gzip

import pytest

from services.webhooks.delivery.sending import KEEP_TEXT_BYTES, Sender
from tests.services.webhooks.delivery.attempts import ACCEPTED, BODY, HEADERS, OK, UNHURRIED_SECONDS, sent
from tests.services.webhooks.receivers import answering, receiving, saying, silent


async def test_the_request_is_what_was_signed(sender: Sender) -> None:
    async with receiving(answering(204)) as receiver:
        answer = await sent(sender, receiver)
        (seen,) = receiver.seen
        host = f"127.0.0.1:{receiver.port}"
    assert (seen.line, seen.body) == ("POST /in HTTP/1.1", BODY)
    assert seen.headers == HEADERS | {
        "host": host,
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "user-agent": "Aftersale-Webhooks/1",
        "connection": "close",
    }
    assert (answer.status, answer.failed, answer.text, answer.retry_after) == (204, None, "", None)


async def test_headers_are_replaced_whatever_their_case(sender: Sender) -> None:
    async with receiving(answering()) as receiver:
        headers = HEADERS | {"content-type": "application/cloudevents+json", "X-Shop": "7"}
        await sender.send(url=receiver.url(path="/a/../b?x=%20&y=a+b"), headers=headers, body=BODY, loopback=True)
        (seen,) = receiver.seen
    assert (seen.headers["content-type"], seen.headers["x-shop"]) == ("application/cloudevents+json", "7")
    assert seen.line == "POST /a/../b?x=%20&y=a+b HTTP/1.1"


@pytest.mark.parametrize(
    ("status", "failed", "why"),
    [
        (200, *ACCEPTED),
        (299, *ACCEPTED),
        (301, "redirected", "The endpoint answered 301. Redirects are not followed: give the endpoint's final URL."),
        (307, "redirected", "The endpoint answered 307. Redirects are not followed: give the endpoint's final URL."),
        (400, "not_accepted", "The endpoint answered 400, where 200 to 299 was expected."),
        (410, "not_accepted", "The endpoint answered 410, where 200 to 299 was expected."),
        (503, "not_accepted", "The endpoint answered 503, where 200 to 299 was expected."),
        (999, "not_accepted", "The endpoint answered 999, where 200 to 299 was expected."),
    ],
)
async def test_an_answer_is_told_as_it_was(sender: Sender, status: int, failed: str | None, why: str) -> None:
    async with receiving(answering(status, b"thank you", {"Retry-After": "120"})) as receiver:
        answer = await sent(sender, receiver)
    assert (answer.status, answer.failed, answer.why) == (status, failed, why)
    assert (answer.text, answer.retry_after) == ("thank you", "120")
    assert answer.duration_ms >= 0


async def test_redirects_are_never_followed(sender: Sender) -> None:
    async with receiving(answering()) as target, receiving(answering(302, b"", {"Location": target.url()})) as receiver:
        answer = await sent(sender, receiver)
        assert (answer.status, answer.failed, target.connections) == (302, "redirected", 0)


async def test_cookies_are_not_kept(sender: Sender) -> None:
    async with receiving(answering(200, b"", {"Set-Cookie": "a=b"})) as receiver:
        for _ in range(2):
            await sender.send(url=receiver.url(), headers=HEADERS, body=BODY, loopback=True)
        assert [seen.headers.get("cookie") for seen in receiver.seen] == [None, None]
        assert receiver.connections == 2


async def test_the_environments_proxies_are_ignored(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(answering(500)) as proxy, receiving(answering()) as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv("no_proxy", "")
        answer = await sent(sender, receiver)
        assert (answer.status, proxy.connections) == (200, 0)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (OK + b"\r\n", ""),
        (OK + b"Content-Length: 0\r\n\r\n", ""),
        (OK + b"\r\nhello", "hello"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", "hello"),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", "hi"),
        (OK + b"Content-Length: 100\r\n\r\ncut off", "cut off"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "hi"),
        (OK + b"Content-Length: 9\r\n\r\n\xff\xfe ok \xe2\x82\xac", "�� ok €"),
        (OK + b"Content-Length: 15\r\n\r\na\x00b\x1b[31mc\x7f\xc2\x9bd\r\n", "ab[31mcd\n"),
        (OK + b"\r\n" + "a\u202eb\u2028c\td\u2066".encode(), "abc\td"),
        (OK + b"\r\n" + b"x" * KEEP_TEXT_BYTES + b"y", "x" * KEEP_TEXT_BYTES),
        (OK + b"\r\n" + b"x" * (KEEP_TEXT_BYTES - 1) + "€".encode(), "x" * (KEEP_TEXT_BYTES - 1)),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(10_000_000)), ""),
        (OK + b"Content-Encoding: identity\r\n\r\nhi", "hi"),
    ],
)
async def test_an_accepted_delivery_stays_accepted_whatever_its_text(sender: Sender, said: bytes, text: str) -> None:
    async with receiving(saying(said)) as receiver:
        answer = await sent(sender, receiver)
    assert (answer.status, answer.failed, answer.why, answer.text) == (200, *ACCEPTED, text)


async def test_nobody_listens(sender: Sender) -> None:
    async with receiving(answering()) as receiver:
        url = receiver.url()
    answer = await sender.send(url=url, headers=HEADERS, body=BODY, loopback=True)
    assert (answer.status, answer.failed, answer.why) == (None, "refused", "The host refused the connection.")
    assert answer.address == "127.0.0.1"


async def test_a_cancelled_attempt_hangs_up(sender: Sender) -> None:
    """The one thing that an attempt raises."""
    async with receiving(silent) as receiver:
        attempt = asyncio.ensure_future(sender.send(url=receiver.url(), headers=HEADERS, body=BODY, loopback=True))
        async with asyncio.timeout(UNHURRIED_SECONDS):
            while not receiver.seen:
                await asyncio.sleep(0.01)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await receiver.left()


@pytest.mark.parametrize(
    ("headers", "body"),
    [({"X-Bad": "a\r\nEvil: b"}, BODY), ({"X-Bad": "a\x00"}, BODY), ({"Bad name\n": "x"}, BODY)],
)
async def test_our_own_mistakes_are_answers_too(sender: Sender, headers: dict[str, str], body: bytes) -> None:
    """A header that own_headers() would have refused: nothing of it goes out, and nothing is raised."""
    async with receiving(answering()) as receiver:
        answer = await sender.send(url=receiver.url(), headers=headers, body=body, loopback=True)
        assert receiver.seen == []
    assert (answer.status, answer.failed, answer.why) == (None, "not_sent", "The request could not be sent; the cause is on our side.")
