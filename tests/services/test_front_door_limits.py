"""P19: what one connection may send, how slowly, and how many there may be; what one token may call. On a server with small limits.

The server is the service's own, in this process, so that its limits can be seconds and its connections few.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.responses import StreamingResponse
from prometheus_client import REGISTRY

from services.notes.app import SERVICE
from shared.contracts.actor import Actor
from shared.process.service import Running, _server
from shared.web.app import front_of
from shared.web.lobby import Lobby
from tests.services.raw_http import WAIT_SECONDS, Line, head, line
from tests.shop import Shop, eventually, order_p

SOON = {"HEAD_SECONDS": "0.6", "BODY_PAUSE_SECONDS": "0.6", "IDLE_SECONDS": "0.6", "ANSWER_PAUSE_SECONDS": "0.6", "LINGER_SECONDS": "0.2"}
POST = {"content_type": "application/json", "idempotency_key": "k"}
LIVE = head("GET", "/health/live")


@dataclass
class Served:
    """The notes service, listening."""

    url: str
    lobby: Lobby
    running: Running


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """Starts it with settings that are given as `HEAD_SECONDS="1"`, and in the end stops it."""
    async with AsyncExitStack() as opened:

        async def start(**limits: str) -> Served:
            for name, value in {**shop.stack.settings, **{f"AFTERSALE_{name}": value for name, value in limits.items()}}.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("AFTERSALE_NOTES_HTTP_PORT", "0")
            return await opened.enter_async_context(_listening())

        yield start


@asynccontextmanager
async def _listening() -> AsyncIterator[Served]:
    running = Running(SERVICE, ["api"])
    running.app.add_api_route("/large", _large)
    lobby = Lobby(running.settings.max_connections)
    server = _server(front_of(running), running.settings, running.settings.http_port, lobby)
    tasks = [asyncio.create_task(server.serve()), asyncio.create_task(lobby.run())]

    async def started() -> bool:
        return server.started

    await eventually(started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", lobby, running)
    finally:
        running.stopping.set()
        server.should_exit = True
        await tasks[0]
        tasks[1].cancel()
        await running.stop()


async def _large() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b" " * 100_000

    return StreamingResponse(pieces())


async def answered(url: str, request: bytes) -> tuple[int, dict[str, str], Any]:
    async with line(url) as sent:
        sent.send(request)
        return await sent.answer()


HEADS = {
    "a header without end": (head("GET", "/health/live")[:-2] + b"X: " + b"x" * 1_000_000, 431, "head_too_large"),
    "a header of 40 kB": (head("GET", "/health/live", x="x" * 40_000), 431, "head_too_large"),
    "a hundred thousand headers": (head("GET", "/health/live")[:-2] + b"X: x\r\n" * 100_000, 431, "head_too_large"),
    "101 headers": (head("GET", "/health/live")[:-2] + b"X: x\r\n" * 101 + b"\r\n", 431, "head_too_large"),
    "a name without end": (b"GET / HTTP/1.1\r\n" + b"x" * 1_000_000, 431, "head_too_large"),
    "an address of 4 MB": (b"GET /" + b"a" * 4_000_000, 414, "address_too_long"),
    "an address of 17 kB": (head("GET", "/v1/orders?q=" + "a" * 17_000), 414, "address_too_long"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400, "malformed_request"),
    "two lengths": (head("POST", "/", content_length="3")[:-2] + b"Content-Length: 5\r\n\r\n", 400, "malformed_request"),
}


@pytest.mark.parametrize("name", HEADS)
async def test_a_head_has_its_limits(serve: Serve, name: str) -> None:
    sent, status, code = HEADS[name]
    served = await serve()
    answered_status, headers, problem = await answered(served.url, sent)
    assert (answered_status, problem["code"], headers["connection"]) == (status, code, "close")
    assert (await answered(served.url, LIVE))[0] == 200


async def test_headers_up_to_the_limits_are_taken(serve: Serve) -> None:
    served = await serve()
    assert (await answered(served.url, head("GET", "/health/live", x="x" * 30_000)))[0] == 200
    assert (await answered(served.url, head("GET", "/health/live")[:-2] + b"X: x\r\n" * 98 + b"\r\n"))[0] == 200


async def test_silence_and_half_heads_end(serve: Serve) -> None:
    """Silent, half a line, half a head, a byte now and then, empty lines for ever, idle after an answer: all of them closed by us."""
    served = await serve(**SOON)
    async with AsyncExitStack() as opened:
        lines = [await opened.enter_async_context(line(served.url)) for _ in range(30)]
        beginnings = (b"", b"G", b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: ", LIVE)
        for number, one in enumerate(lines):
            one.send(beginnings[number % len(beginnings)])
        dripping, blank = lines[:2]

        async def all_ended() -> bool:
            dripping.send(b"x")
            blank.send(b"\r\n")
            return served.lobby.count == 0

        await eventually(all_ended, seconds=WAIT_SECONDS)


async def test_a_body_that_pauses_or_drips_is_408(serve: Serve, shop: Shop) -> None:
    served = await serve(**SOON)
    begun = head("POST", "/v1/notes", shop.staff.token, content_type="application/json", content_length="99", idempotency_key="k")
    async with line(served.url) as paused, line(served.url) as dripping:
        paused.send(begun + b"{")
        dripping.send(begun)
        dripped = asyncio.create_task(_drip(dripping))
        for one in (paused, dripping):
            status, headers, problem = await one.answer()
            assert (status, problem["code"], headers["connection"]) == (408, "body_timeout", "close")
        dripped.cancel()


async def _drip(slow: Line) -> None:
    while True:
        slow.send(b" ")
        await asyncio.sleep(0.1)


async def test_extensions_of_chunks_are_no_way_round_the_bound(serve: Serve, shop: Shop) -> None:
    served = await serve()
    path = "/v1/notes"
    begun = head("POST", path, shop.staff.token, transfer_encoding="chunked", content_type="application/json", idempotency_key="k")
    status, _, problem = await answered(served.url, begun + b"1;" + b"x" * 300_000)
    assert (status, problem["code"]) == (400, "malformed_request")


async def test_trailers_name_nobody(serve: Serve, shop: Shop) -> None:
    served = await serve()
    begun = head("POST", "/v1/notes", transfer_encoding="chunked", content_type="application/json", idempotency_key="k")
    sent = begun + f"2\r\n{{}}\r\n0\r\nAuthorization: Bearer {shop.staff.token}\r\n\r\n".encode()
    assert (await answered(served.url, sent))[0] == 401


async def test_few_requests_wait_behind_one_another(serve: Serve, shop: Shop) -> None:
    served = await serve()
    async with line(served.url) as sent:
        sent.send(head("GET", "/v1/notes-settings", shop.staff.token) * 5)
        assert [(await sent.answer())[0] for _ in range(5)] == [200] * 5
    async with line(served.url) as sent:
        sent.send(head("GET", "/v1/notes-settings", shop.staff.token) * 5_000)
        await sent.ended()
    assert served.running.database is not None
    assert (await answered(served.url, LIVE))[0] == 200


async def test_a_new_connection_ends_the_oldest_idle_stranger_not_a_caller(serve: Serve, shop: Shop) -> None:
    served = await serve(MAX_CONNECTIONS="20")
    async with AsyncExitStack() as opened:
        caller = await opened.enter_async_context(line(served.url))
        caller.send(head("GET", "/v1/notes-settings", shop.staff.token))
        assert (await caller.answer())[0] == 200
        strangers = [await opened.enter_async_context(line(served.url)) for _ in range(60)]
        for stranger in strangers[:40]:
            stranger.send(b"GET /health/live HTTP/1.1\r\n")
        await asyncio.gather(*(stranger.ended() for stranger in strangers[:41]))
        assert served.lobby.count <= 20
        assert (await answered(served.url, LIVE))[0] == 200, "a newcomer is refused by who only sits there"
        caller.send(head("GET", "/v1/notes-settings", shop.staff.token))
        assert (await caller.answer())[0] == 200, "a caller lost the connection to a stranger"


async def test_who_does_not_read_loses_the_answer_and_nobody_elses(serve: Serve, shop: Shop) -> None:
    """40 MB for each of ten who do not read them: their connections are cut, and others are answered meanwhile."""
    served = await serve(**SOON | {"HEAD_SECONDS": "30", "IDLE_SECONDS": "30"})
    async with AsyncExitStack() as opened:
        lazy = [await opened.enter_async_context(line(served.url)) for _ in range(10)]
        for one in lazy:
            one.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
            one.send(head("GET", "/large"))

        async def cut() -> bool:
            assert (await answered(served.url, LIVE))[0] == 200
            return served.lobby.count <= 1  # that of the call just made may still be there

        await eventually(cut, seconds=WAIT_SECONDS)


async def test_a_refused_sender_still_reads_why(serve: Serve, shop: Shop) -> None:
    """A reset while the body is on its way would take the answer with it; what is thrown away has an end."""
    served = await serve(LINGER_SECONDS="5")
    async with line(served.url) as sent:
        sent.send(head("POST", "/v1/notes", content_type="application/json", content_length="3900000", idempotency_key="k"))
        sent.send(b"x" * 3_900_000)
        assert (await sent.answer())[0] == 401
    async with line(served.url) as endless:
        endless.send(head("POST", "/v1/notes", content_length="99000000"))
        for _ in range(60):
            endless.send(b"x" * 100_000)
        await endless.ended()


async def test_a_token_has_a_bucket_and_others_have_theirs(serve: Serve, shop: Shop) -> None:
    served = await serve(TOKEN_CALLS_PER_SECOND="2", STORE_CALLS_PER_SECOND="1000")
    asked = head("GET", "/v1/notes-settings", shop.staff.token)
    async with line(served.url) as sent:
        for left in range(9, -1, -1):
            sent.send(asked)
            status, headers, _ = await sent.answer()
            assert (status, headers["ratelimit-policy"]) == (200, '"token";q=10;w=5, "store";q=5000;w=5')
            assert headers["ratelimit"].startswith(f'"token";r={left};t=') or left < 9  # it fills while we count
        sent.send(asked * 3)
        answers = [await sent.answer() for _ in range(3)]
    status, headers, problem = answers[-1]
    assert status == 429, "a token calls as often as it likes"
    assert (problem["code"], headers["retry-after"]) == ("rate_limited", "1")
    assert (await answered(served.url, head("GET", "/v1/notes-settings", shop.platform.token)))[0] == 200
    other = shop.caller("staff", "staff-1", store=f"{shop.store}-2")
    assert (await answered(served.url, head("GET", "/v1/notes-settings", other.token)))[0] == 200


async def test_a_store_has_a_bucket_whatever_its_tokens(serve: Serve, shop: Shop) -> None:
    served = await serve(STORE_CALLS_PER_SECOND="2")
    tokens = [shop.caller("staff", f"s-{number}").token for number in range(14)]
    statuses = [(await answered(served.url, head("GET", "/v1/notes-settings", token)))[0] for token in tokens]
    assert (statuses[:10], statuses[-1]) == ([200] * 10, 429)


async def test_open_streams_and_calls_of_a_token_are_counted(serve: Serve, shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]

    async def known() -> bool:
        return (await shop.staff.get(f"/notes/v1/timeline/{order_id}")).status == 200

    await eventually(known)
    served = await serve(TOKEN_STREAMS="2", TOKEN_CALLS_AT_ONCE="1")
    follow = head("GET", f"/v1/timeline/{order_id}/stream", shop.staff.token)
    async with AsyncExitStack() as opened:
        for _ in range(2):
            stream = await opened.enter_async_context(line(served.url))
            stream.send(follow)
            assert (await stream.answer())[0] == 200
        status, headers, problem = await answered(served.url, follow)
        assert status == 429, "a token opens as many streams as it likes"
        assert (problem["code"], headers["retry-after"]) == ("too_many_streams", "30")
        others = head("GET", f"/v1/timeline/{order_id}/stream", shop.platform.token)
        stream = await opened.enter_async_context(line(served.url))
        stream.send(others)
        assert (await stream.answer())[0] == 200
        begun = head("POST", "/v1/notes", shop.staff.token, content_length="9", **POST)
        waiting = await opened.enter_async_context(line(served.url))
        waiting.send(begun)
        await eventually(lambda: _refused(served, shop.staff.token))
        assert (await answered(served.url, head("GET", "/v1/notes-settings", shop.platform.token)))[0] == 200

    async def free_again() -> bool:
        return (await answered(served.url, head("GET", "/v1/notes-settings", shop.staff.token)))[0] == 200

    await eventually(free_again)


async def _refused(served: Served, token: str) -> bool:
    status, _, problem = await answered(served.url, head("GET", "/v1/notes-settings", token))
    return status == 429 and problem["code"] == "too_many_calls"


async def test_large_bodies_under_way_are_counted_apart(serve: Serve, shop: Shop) -> None:
    """They are held in memory until all of them is there: a token must not hold a gigabyte by sending slowly."""
    served = await serve(TOKEN_LARGE_BODIES_AT_ONCE="2")
    large = head("POST", "/v1/notes", shop.staff.token, content_length="100000", **POST)
    small = head("POST", "/v1/notes", shop.staff.token, content_length="2", **POST) + b"{}"
    async with AsyncExitStack() as opened:
        for _ in range(2):
            (await opened.enter_async_context(line(served.url))).send(large + b" " * 1_000)

        async def full() -> bool:
            status, _, problem = await answered(served.url, large)
            return status == 429 and problem["code"] == "too_many_calls"

        await eventually(full, seconds=WAIT_SECONDS)
        assert (await answered(served.url, small))[0] == 422


def _made(route: str) -> float:
    """How often the app itself answered, as it counts."""
    named = {"service": "notes", "method": "GET", "route": route, "status": "200"}
    return REGISTRY.get_sample_value("aftersale_http_request_seconds_count", named) or 0


async def test_what_anybody_may_read_is_made_once(serve: Serve) -> None:
    served = await serve()
    routes = {"/service/openapi.json": 1, "/openapi.json": 1, "/service/asyncapi.json": 1, "/problems/invalid": 1, "/": 1, "/metrics": 30}
    for path, most in routes.items():
        route = path.replace("/invalid", "/{code}")
        before = _made(route)
        async with line(served.url) as sent:
            first = None
            for _ in range(60):
                sent.send(head("GET", f"{path}?q={_made(route)}"))
                status, headers, body = await sent.answer() if path != "/metrics" else (*(await sent.answer_of_any_kind()), None)
                assert (status, headers["x-content-type-options"]) == (200, "nosniff")
                first = first or body
                assert path == "/metrics" or body == first
        assert 1 <= _made(route) - before <= most, "a stranger's questions are answered from the beginning each time"


async def test_a_bad_token_is_verified_once_and_refused_often(serve: Serve, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    served = await serve()
    bad = shop.staff.token[:-4] + "AAAA"
    verified: list[str] = []
    verify = served.running.tokens.actor

    def counting(token: str) -> tuple[Actor, float]:
        verified.append(token)
        return verify(token)

    monkeypatch.setattr(served.running.tokens, "actor", counting)
    async with line(served.url) as sent:
        for _ in range(20):
            sent.send(head("GET", "/v1/notes-settings", bad))
            status, _, problem = await sent.answer()
            assert (status, problem["code"]) == (401, "bad_signature")
    assert len(verified) <= 2
