"""The client against a server that answers as it is told: what is sent again, with which head and body, and what is given up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from kit.client import Busy, Client, File, Invalid, NoAnswer, Refused, Unavailable, connect

HANG_UP = b""
LEVEL = b'{"sku":"TEE-1","on_hand":7,"version":3,"changed_at":"2026-01-31T09:30:00Z"}'


def answer(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    """An HTTP answer; `retry_after` is the header Retry-After."""
    head = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **{one.replace("_", "-"): text for one, text in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body


def problem(status: int, code: str, **headers: str) -> bytes:
    return answer(status, b'{"code":"%s","detail":"Said."}' % code.encode(), **headers)


@dataclass
class Told:
    """A server that gives these answers in turn, and what it was sent."""

    answers: list[bytes]
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while self.answers and (head := await self._head(reader)):
            self.heads.append(head)
            self.bodies.append(await reader.readexactly(int(head.get("content-length", "0"))))
            said = self.answers.pop(0)
            if said == HANG_UP:
                break
            writer.write(said)
            await writer.drain()
            if b"Connection: close" in said:
                break
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> dict[str, str]:
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        except asyncio.IncompleteReadError:
            return {}
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        return {"": first.removesuffix(" HTTP/1.1"), **found}

    def sent(self, name: str) -> list[str | None]:
        """A header of every call that arrived; "" is the method and the path."""
        return [head.get(name) for head in self.heads]


@asynccontextmanager
async def telling(*answers: bytes, token: Any = "t", **how: float) -> AsyncIterator[tuple[Client, Told]]:
    told = Told(list(answers))
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connect(f"http://127.0.0.1:{port}/shop", token, **how) as client:  # type: ignore[arg-type]  # only seconds
        yield client, told


async def test_a_repeat_has_the_same_key_and_body() -> None:
    busy = problem(409, "in_progress", retry_after="0")
    async with telling(HANG_UP, problem(503, "unavailable"), busy, problem(429, "rate_limited"), answer(200, LEVEL, etag='"v3"')) as (
        client,
        told,
    ):
        level = await client.stock.adjust("TEE/1", quantity=-2, reason="broken")
    assert (level.on_hand, level.etag) == (7, '"v3"')
    assert told.sent("") == ["POST /shop/v1/stock/TEE%2F1/adjustments"] * 5
    [key] = set(told.sent("idempotency-key"))
    assert key is not None
    assert len(key) == 32
    assert set(told.bodies) == {b'{"quantity":-2,"reason":"broken"}'}


async def test_an_upload_is_repeated_byte_for_byte() -> None:
    view = b'{"attachment_id":"a","name":"n","media_type":"image/jpeg","size_bytes":3,"sha256":"00","uploaded_at":"2026-01-31T09:30:00Z"}'
    async with telling(HANG_UP, answer(201, view)) as (client, told):
        made = await client.attachments.upload(File("seam.jpg", b"\xff\xd8\xff"), customer_id="c-1", idempotency_key="mine")
    assert made.attachment_id == "a"
    first, second = told.bodies
    assert first == second
    assert b'name="file"; filename="seam.jpg"' in first
    assert b"\xff\xd8\xff" in first
    assert told.sent("idempotency-key") == ["mine", "mine"]


async def test_a_key_of_the_callers_own_and_conditions_are_sent() -> None:
    async with telling(answer(200, LEVEL), answer(304, b"")) as (client, told):
        await client.on_behalf_of("Zoë").stock.save("T", on_hand=7, if_match='"v2"', idempotency_key="count-7")
        assert await client.stock.read_if_changed("T", etag='"v3"') is None
    assert (told.sent("if-match"), told.sent("if-none-match")) == (['"v2"', None], [None, '"v3"'])
    assert (told.sent("on-behalf-of"), told.sent("idempotency-key")) == (["Zoë".encode().decode("latin-1"), None], ["count-7", None])


async def test_a_token_is_asked_for_before_every_attempt() -> None:
    tokens = iter(("first", "second"))

    async def token() -> str:
        return next(tokens)

    async with telling(problem(503, "unavailable"), answer(200, LEVEL), token=token) as (client, told):
        await client.stock.read("TEE-1")
    assert told.sent("authorization") == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        (problem(422, "invalid"), Invalid, "invalid"),
        (problem(409, "out_of_stock"), Refused, "out_of_stock"),
        (problem(503, "unavailable", retry_after="3600"), Unavailable, "unavailable"),
        (problem(409, "in_progress", retry_after="3600"), Busy, "in_progress"),
        (problem(409, "not_collected", retry_after="5"), Refused, "not_collected"),
    ],
)
async def test_what_a_repeat_would_not_change_in_time_is_raised_at_once(said: bytes, kind: type[Exception], code: str) -> None:
    async with telling(said) as (client, told):
        with pytest.raises(kind, match=f"{code}: Said."):
            await client.stock.adjust("TEE-1", quantity=1, reason="found")
    assert len(told.heads) == 1


async def test_without_patience_a_lost_answer_is_raised() -> None:
    async with telling(HANG_UP, patience_seconds=0.0) as (client, told):
        with pytest.raises(NoAnswer, match="POST /shop/v1/stock/TEE-1/adjustments: ") as raised:
            await client.stock.adjust("TEE-1", quantity=1, reason="found")
    assert (raised.value.sent, len(told.heads)) == (True, 1)


async def test_where_nobody_listens_nothing_was_sent() -> None:
    server = await asyncio.start_server(Told([]).serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with connect(f"http://127.0.0.1:{port}", "t", patience_seconds=0.0) as client:
        with pytest.raises(NoAnswer, match="GET /v1/stock/TEE-1: ConnectError") as raised:
            await client.stock.read("TEE-1")
    assert raised.value.sent is False


async def test_every_page_of_a_list() -> None:
    def page(skus: Sequence[str], cursor: str) -> bytes:
        levels = b",".join(LEVEL.replace(b"TEE-1", sku.encode()) for sku in skus)
        return answer(200, b'{"items":[%s],"next_cursor":%s}' % (levels, cursor.encode()))

    async with telling(page(["A", "B"], '"c+1"'), page([], '"c2"'), HANG_UP, page(["C"], "null")) as (client, told):
        assert [level.sku async for level in client.stock.all(below=10)] == ["A", "B", "C"]
    one, two, *three = told.sent("")
    assert (one, two) == ("GET /shop/v1/stock?below=10&limit=200", "GET /shop/v1/stock?below=10&limit=200&cursor=c%2B1")
    assert three == ["GET /shop/v1/stock?below=10&limit=200&cursor=c2"] * 2


async def test_a_download_is_read_as_it_arrives_and_says_that_it_broke_off() -> None:
    head = {"Content_Type": "application/pdf", "Content_Disposition": 'attachment; filename="INV-1.pdf"'}
    whole, broken = answer(200, b"%PDF-1.7", **head), answer(200, b"%PDF-1.7", **head, Connection="close")[:-3]
    async with telling(problem(503, "unavailable"), whole) as (client, _), client.documents.download("document_1") as pdf:
        assert (pdf.media_type, pdf.name, await pdf.read()) == ("application/pdf", "INV-1.pdf", b"%PDF-1.7")
    async with telling(broken) as (client, _), client.documents.download("document_1") as pdf:
        with pytest.raises(NoAnswer, match="The download broke off"):
            await pdf.read()


async def test_a_stream_goes_on_after_the_last_event() -> None:
    def frames(text: str) -> bytes:
        return b"HTTP/1.1 200 Said\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + text.encode()

    first, second = frames('id: 4\n\nid: 5\nevent: order\ndata: {"version":5}\n\n'), frames('id: 6\nevent: order\ndata: {"version":6}\n\n')
    seen = []
    async with telling(first, HANG_UP, second) as (client, told), aclosing(client.orders.follow("order_1")) as stream:
        async for event in stream:
            seen.append((event.id, event.event, event.data))
            if event.id == 6:
                break
    assert seen == [(5, "order", {"version": 5}), (6, "order", {"version": 6})]
    assert told.sent("last-event-id") == [None, "5", "5"]
