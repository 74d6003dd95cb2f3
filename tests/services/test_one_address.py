"""One address for all services: the same answers as on each one's own port, the same limits, and nothing that is not public."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from urllib.parse import quote

import httpx2
import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR  # as in test_openapi.py

from deploy.operator.running import PUBLIC_PORT
from shared.contracts.actor import Actor
from shared.web.tokens import issue
from tests.services.raw_http import head, line
from tests.shop import ISSUER, PATIENCE_SECONDS, Caller, Shop, order_p
from tests.stack import Stack


@pytest.fixture
async def everywhere(shop: Shop) -> AsyncIterator[Caller]:
    """The shop's staff at the one address: paths begin with /all."""
    async with httpx2.AsyncClient() as client:
        yield Caller(client, {"all": shop.stack.address}, shop.staff.token)


async def test_every_service_answers_there_as_on_its_own_port(shop: Shop, everywhere: Caller) -> None:
    order_id = (await everywhere.post("/all/v1/orders", order_p())).ok()["order_id"]
    calls = {
        "orders": f"v1/orders/{order_id}",
        "refunds": "v1/refund-policy",
        "notes": "v1/notes-settings",
        "documents": "v1/documents-settings",
        "webhooks": "v1/webhooks/endpoints",
    }
    for service, path in calls.items():
        own = (await shop.staff.get(f"/{service}/{path}")).ok()
        assert (await everywhere.get(f"/all/{path}")).ok().content == own.content


async def test_a_path_is_passed_as_it_was_sent(shop: Shop, everywhere: Caller) -> None:
    sku = quote("a/b", safe="")
    (await everywhere.put(f"/all/v1/stock/{sku}", {"on_hand": 5})).ok()
    assert (await shop.staff.get(f"/orders/v1/stock/{sku}")).ok()["sku"] == "a/b"
    assert (await everywhere.get("/all/v1/stock/a/b")).code == "no_such_route"


@pytest.mark.parametrize("path", ["/v1/%6Frders-settings", "/v1%2Forders-settings", "/v1/stock%2Fnothing", "/v1/%73tock/a%2Fb"])
async def test_a_path_is_matched_decoded_and_answered_as_on_the_services_own_port(shop: Shop, path: str) -> None:
    """As a proxy in front matches it (decision 0023)."""
    answers = []
    for url in (shop.stack.address, shop.stack.urls["orders"]):
        async with line(url) as sent:
            sent.send(head("GET", path, shop.staff.token))
            status, _, body = await sent.answer()
            answers.append((status, body.get("code")))
    assert answers[0] == answers[1]


async def test_a_port_that_is_taken_is_said_and_no_other_one_is_served(alone: Stack) -> None:
    """A proxy in front would go on to reach the stranger."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # then somebody else listens there already
            taken.bind(("127.0.0.1", PUBLIC_PORT))
            taken.listen()
        process = alone.run("orders", "notes", roles=("api",), AFTERSALE_PUBLIC_PORT="")
        assert await asyncio.to_thread(process.child.wait, PATIENCE_SECONDS) == 1
    said = await asyncio.to_thread(Path(process.log).read_text)
    assert f"Port {PUBLIC_PORT} is taken." in said
    assert "set AFTERSALE_PUBLIC_PORT" in said


@pytest.mark.parametrize("path", ["", "metrics", "health/live", "health/ready", "v1", "v1/nothing", "docs", "service/openapi.json"])
async def test_what_is_not_public_is_not_found(everywhere: Caller, path: str) -> None:
    answer = await everywhere.get(f"/all/{path}")
    assert (answer.status, answer.headers["content-type"], answer.code) == (404, "application/problem+json", "no_such_route")


@pytest.mark.parametrize(
    "path", ["/v1/orders/../../metrics", "/problems/../metrics", "/problems/%2e%2e/metrics", "/v1/orders/%2e%2e/%2e%2e/metrics"]
)
async def test_no_way_round_leads_to_the_metrics(shop: Shop, path: str) -> None:
    async with line(shop.stack.address) as sent:
        sent.send(head("GET", path, shop.staff.token))
        assert (await sent.answer())[2]["code"] in {"no_such_route", "not_found"}


@pytest.mark.parametrize("path", ["openapi.json", "asyncapi.json", "problems/not_found"])
async def test_the_documents_are_there_for_everybody(shop: Shop, path: str) -> None:
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"{shop.stack.address}/{path}")).status_code == 200


async def test_the_merged_document_describes_what_the_address_answers(shop: Shop, everywhere: Caller) -> None:
    """Every list and every setting that can be read without naming anything: as the one document says, from whichever service."""
    (await everywhere.post("/all/v1/orders", order_p())).ok()
    document = (await everywhere.get("/all/openapi.json")).ok().body
    assert [f"{error.instance_path}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    read = set()
    for path, methods in document["paths"].items():
        operation = methods.get("get", {"parameters": [{"required": True}]})
        kind = operation.get("responses", {}).get("200", {}).get("content", {}).get("application/json")
        if kind is None or any(parameter["required"] for parameter in operation["parameters"]):
            continue
        answer = (await everywhere.get(f"/all{path}")).ok()
        schema = kind["schema"] | {"components": document["components"]}
        assert jsonschema_rs.validator_for(schema).is_valid(answer.body), path
        read.add(operation["operationId"].partition("_")[0])
    assert read == set(shop.stack.urls)


async def test_a_call_is_refused_by_its_head(shop: Shop) -> None:
    async with line(shop.stack.address) as sent:
        sent.send(head("POST", "/v1/orders", content_type="application/json", content_length="1000000"))
        status, headers, problem = await sent.answer()
    assert (status, problem["code"], headers["connection"]) == (401, "unauthenticated", "close")
    async with line(shop.stack.address) as sent:
        sent.send(head("GET", "/v1/orders", x_filler="x" * 40_000))
        status, _, problem = await sent.answer()
    assert (status, problem["code"]) == (431, "head_too_large")


async def test_connections_to_all_ports_of_a_process_count_together(alone: Stack) -> None:
    """All places are taken on one port; a call to the other gets that of whoever was idle for longest."""
    process = alone.run("orders", "notes", roles=("api",), AFTERSALE_MAX_CONNECTIONS="20").wait_until_ready()
    ports = (process.address, process.urls["notes"])
    for filled, other in (ports, ports[::-1]):
        async with AsyncExitStack() as opened:
            strangers = [await opened.enter_async_context(line(filled)) for _ in range(20)]
            async with line(other) as newcomer:
                newcomer.send(head("GET", "/problems/invalid"))
                assert (await newcomer.answer())[0] == 200
            assert await strangers[0].ended() == b""


async def test_links_name_the_public_address_and_never_the_host_that_a_caller_sent(alone: Stack) -> None:
    """As behind a proxy that serves all of it under another name and a path prefix, which it takes away."""
    public = "https://shop.example/aftersale"
    process = alone.run("orders", "notes", roles=("api",), AFTERSALE_PUBLIC_URL=public).wait_until_ready()
    token = issue(alone.secret, issuer=ISSUER, actor=Actor("shop", "platform", "p"), lifetime_seconds=600, now=time.time())
    forged = {"Authorization": f"Bearer {token}", "Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
    async with httpx2.AsyncClient(base_url=process.address, headers=forged) as client:
        for key in ("one", "two"):
            assert (await client.post("/v1/orders", json=order_p(), headers={"Idempotency-Key": key})).status_code == 201
        page = await client.get("/v1/orders", params={"limit": 1, "status": "pending"})
        [following] = re.findall(r'<([^>]+)>; rel="next"', page.headers["link"])
        assert following.startswith(f"{public}/v1/orders?")
        assert (await client.get(following.removeprefix(public))).status_code == 200
        for path in ("/v1/orders/nothing", "/v1/notes?order_id=nothing", "/nowhere", "/v1/nothing"):
            problem = (await client.get(path)).json()
            assert problem["type"] == f"{public}/problems/{problem['code']}"
            assert problem["instance"] == f"{public}{path.partition('?')[0]}"
            assert (await client.get(problem["type"].removeprefix(public))).json()["code"] == problem["code"]
        assert (await client.get("/openapi.json")).json()["servers"] == [{"url": public}]
    async with line(process.address) as sent:
        sent.send(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n")
        assert (await sent.answer())[2]["type"] == f"{public}/problems/head_too_large"
