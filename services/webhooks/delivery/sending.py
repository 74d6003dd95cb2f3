"""One attempt to deliver: a POST to a vetted address, and an Answer whatever the receiver does.

A receiver is a stranger: it may answer never, slowly, endlessly or with garbage. Every part of an answer has a limit in bytes and time.
"""

import asyncio
import codecs
import re
import ssl
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Self

import aiohttp
import structlog
from yarl import URL

from services.webhooks.delivery.dialing import Dial, Lookup, Threads, VettedRequest, VettingConnector, dialling
from services.webhooks.rules.urls import PORTS, accepted_url
from shared.contracts.errors import Invalid

log = structlog.get_logger()

TOTAL_SECONDS = 20.0
CONNECT_SECONDS = 5.0
TEXT_SECONDS = 5.0
READ_AT_MOST_BYTES = 65_536
KEEP_TEXT_BYTES = 4_096
MAX_HEAD_LINE_BYTES = 8_190
MAX_HEADERS = 100
MAX_RETRY_AFTER_CHARACTERS = 100

MAX_OWN_HEADERS = 20
MAX_OWN_HEADERS_BYTES = 4_096

OURS = {"Accept": "*/*", "Accept-Encoding": "identity", "Content-Type": "application/json", "User-Agent": "Aftersale-Webhooks/1"}
RESERVED = {name.lower() for name in OURS} | {
    "connection", "content-encoding", "content-length", "date", "expect", "host", "http2-settings", "keep-alive", "max-forwards",
    "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via",
}  # fmt: skip
RESERVED_PREFIXES = ("webhook-", "aftersale-")

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

Failed = Literal[
    "bad_url", "inward_address", "no_such_host", "unreachable", "refused", "tls", "timed_out", "reset", "bad_answer", "redirected",
    "not_accepted", "not_sent", "queue_full", "queue_missing", "broker_away",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an attempt.

    `failed` is None for a 2xx or a broker's confirm, else a code, and `why` one plain sentence. `status` is None if there was no HTTP
    answer. `text` is the beginning of the answer, without control characters; empty if it was compressed. `address` is the one that was
    dialled, None if none was.
    """

    status: int | None
    failed: Failed | None
    why: str
    text: str
    retry_after: str | None
    duration_ms: int
    address: str | None


class Sender:
    """The HTTP client of this process, as a context manager.

    `total_seconds` is the time for everything, `connect_seconds` the part of it for name, connection and TLS, `text_seconds` the part for
    the text after the head of an answer. `tls` says which certificates are trusted (by default those of the system).
    """

    def __init__(
        self,
        *,
        total_seconds: float = TOTAL_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        text_seconds: float = TEXT_SECONDS,
        ports: Collection[int] = PORTS,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self._total_seconds, self._connect_seconds, self._text_seconds = total_seconds, connect_seconds, text_seconds
        self._ports = ports
        self._tls = tls or ssl.create_default_context()
        self._threads = Threads()
        self._lookup = lookup or self._threads.lookup

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=VettingConnector(self._lookup, self._tls),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_seconds, sock_connect=self._connect_seconds),
            request_class=VettedRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEAD_LINE_BYTES,
            max_field_size=MAX_HEAD_LINE_BYTES,
            max_headers=MAX_HEADERS,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._threads.close()

    async def send(
        self,
        *,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        loopback: bool,
        endpoint: Hashable = None,
        hide: Callable[[str], str] = str,
    ) -> Answer:
        """POST the body, exactly as it is, and answer what became of it. Raises nothing but CancelledError.

        `headers` are those of the signature and the endpoint's own; they may replace `Content-Type`. `loopback` is the development setting.
        `endpoint` says whose open connection may be used, and for whom it stays open; None closes it after the answer. `hide` takes
        secrets out of the answer's text, before it is cut.
        """
        begun, dial = time.monotonic(), Dial(loopback, endpoint)
        token = dialling.set(dial)
        try:
            accepted = accepted_url(url, loopback=loopback, ports=self._ports)
            status, text, retry_after = await self._post(accepted, headers, body, dial, hide)
            failed, why = _judged(status)
        except Exception as error:  # a receiver must not be able to raise anything here that nobody thought of
            status, text, retry_after = None, "", None
            failed, why = self._told(error, dial)
        finally:
            dialling.reset(token)
        return Answer(status, failed, why, text, retry_after, round((time.monotonic() - begun) * 1_000), dial.address)

    async def _post(
        self, url: str, headers: Mapping[str, str], body: bytes, dial: Dial, hide: Callable[[str], str]
    ) -> tuple[int, str, str | None]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._total_seconds
        async with asyncio.timeout_at(deadline):
            try:
                response = await self._asked(url, headers, body, dial)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                if not dial.reused or dial.heard:
                    raise
                dial.owner = None  # the receiver had closed it in the meantime: once more, on a connection of its own
                response = await self._asked(url, headers, body, dial)
        try:
            text = _cut(hide(await _text(response, min(deadline, loop.time() + self._text_seconds))))
        finally:
            response.close()  # whatever else it has to say
        retry_after = response.headers.get("Retry-After")
        return response.status, text, retry_after and hide(_CONTROL.sub("", retry_after))[:MAX_RETRY_AFTER_CHARACTERS]

    async def _asked(self, url: str, headers: Mapping[str, str], body: bytes, dial: Dial) -> aiohttp.ClientResponse:
        closing = {"Connection": "close"} if dial.owner is None else {}
        return await self._session.post(URL(url, encoded=True), headers=with_ours(headers) | closing, data=body, allow_redirects=False)

    def _told(self, error: Exception, dial: Dial) -> tuple[Failed, str]:
        """The code and the sentence of an attempt without an answer."""
        cause = error.__cause__ or error
        if isinstance(error, Invalid):
            return ("inward_address" if error.code == "inward_address" else "bad_url"), error.detail
        if dial.refused is not None:
            # without the address, which would tell an outsider how names of the inside resolve
            return "inward_address", "The host leads to an address that is not a public one: nothing was sent."
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return "no_such_host", "The host's name could not be resolved."
        if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError) or isinstance(cause, ssl.SSLError):
            return "tls", f"No secure connection could be made: {_reason(cause)}."
        if isinstance(error, TimeoutError):
            return "timed_out", self._time_told(dial)
        if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
            return "bad_answer", "What came back is not an HTTP answer within its limits."
        if isinstance(error, ConnectionRefusedError) or isinstance(cause, ConnectionRefusedError):
            return "refused", "The host refused the connection."
        if isinstance(error, ConnectionError | aiohttp.ServerDisconnectedError) or isinstance(cause, ConnectionError):
            return "reset", "The connection was closed before there was an answer."
        if isinstance(error, aiohttp.ClientOSError):
            return "unreachable", f"The host cannot be reached: {_reason(cause)}."
        log.error("webhook_not_sent", error=repr(error), exc_info=error)
        return "not_sent", "The request could not be sent; the cause is on our side."

    def _time_told(self, dial: Dial) -> str:
        if dial.connected is None:
            return f"No connection could be made within {self._connect_seconds:g} s."
        return f"There was no answer within {self._total_seconds:g} s."


def with_ours(headers: Mapping[str, str]) -> dict[str, str]:
    """These headers and, beside them, what every delivery says."""
    given = {name.lower() for name in headers}
    return {name: value for name, value in OURS.items() if name.lower() not in given} | dict(headers)


def own_headers(given: Mapping[str, str], *, at: str = "/headers") -> dict[str, str]:
    """The headers that an endpoint's owner wants with each delivery. Raises Invalid `bad_header`."""
    names = {name.lower() for name in given}
    if len(given) > MAX_OWN_HEADERS or sum(len(name) + len(value) for name, value in given.items()) > MAX_OWN_HEADERS_BYTES:
        problem = f"An endpoint has at most {MAX_OWN_HEADERS} headers of its own, with {MAX_OWN_HEADERS_BYTES:,} bytes in all."
    elif len(names) < len(given):
        problem = "Each header may be given once, whatever the case of its letters."
    elif not all(_NAME.fullmatch(name) for name in given):
        problem = "A header's name is written in letters, digits and !#$%&'*+-.^_`|~."
    elif not all(_VALUE.fullmatch(value) for value in given.values()):
        problem = "A header's value is visible ASCII text, with spaces only inside it."
    elif names & RESERVED or any(name.startswith(RESERVED_PREFIXES) for name in names):
        problem = "These headers belong to the delivery or to the connection: webhook-*, aftersale-*, " + ", ".join(sorted(RESERVED)) + "."
    else:
        return dict(given)
    raise Invalid("bad_header", problem, at=at)


def _judged(status: int) -> tuple[Failed | None, str]:
    if 200 <= status <= 299:
        return None, "The endpoint accepted the delivery."
    if 300 <= status <= 399:
        return "redirected", f"The endpoint answered {status}. Redirects are not followed: give the endpoint's final URL."
    return "not_accepted", f"The endpoint answered {status}, where 200 to 299 was expected."


async def _text(response: aiohttp.ClientResponse, deadline: float) -> str:
    read = bytearray()
    with suppress(Exception):  # the status is known, and an answer that breaks off does not change it
        async with asyncio.timeout_at(deadline):
            while len(read) < READ_AT_MOST_BYTES and (part := await response.content.read(READ_AT_MOST_BYTES - len(read))):
                read += part
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return ""
    return _CONTROL.sub("", _whole_characters(bytes(read)))


def _cut(text: str) -> str:
    return _whole_characters(text.encode()[:KEEP_TEXT_BYTES])


def _whole_characters(read: bytes) -> str:
    """As text, without a character that was cut in two."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(read)


def _reason(error: BaseException) -> str:
    reason = (
        getattr(error, "verify_message", None) or getattr(error, "reason", None) or getattr(error, "strerror", None) or "no reason given"
    )
    return _CONTROL.sub("", str(reason)).rstrip(".").replace("_", " ")[:200]
