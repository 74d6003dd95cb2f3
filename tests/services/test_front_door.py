"""P19: what can be decided from a request's head is decided before its body: each of these sends a head, and no body ever."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.actor import Role
from shared.contracts.ids import new_id
from tests.services.raw_http import head, line
from tests.shop import Caller, Shop, eventually, order_p
from tests.stack import SERVICES

MANY = "1000000"
JSON = {"content_type": "application/json", "content_length": "100"}
JSON_CHUNKS = {"content_type": "application/json", "idempotency_key": "k"}
KEY = {"idempotency_key": "k"}


async def only_head(shop: Shop, service: str, call: str, caller: Caller | None, **headers: str) -> tuple[int, dict[str, str], Any]:
    method, path = call.split(" ")
    async with line(shop.stack.urls[service]) as sent:
        sent.send(head(method, path, caller.token if caller else None, **headers))
        return await sent.answer()


async def test_nobody_is_refused_by_the_head_at_every_route(shop: Shop) -> None:
    """Every operation that needs a token: 401 while a megabyte is still to come, and the connection ends instead of reading it."""
    asked = 0
    for service in SERVICES:
        document = (await shop.staff.get(f"/{service}/service/openapi.json")).ok().body
        for path, methods in document["paths"].items():
            for method in methods:
                call = f"{method.upper()} {path.replace('{', '').replace('}', '')}"
                status, headers, problem = await only_head(shop, service, call, None, **JSON | {"content_length": MANY})
                assert (status, problem["code"], headers["www-authenticate"]) == (401, "unauthenticated", "Bearer"), (service, call)
                assert (headers["connection"], headers["content-type"]) == ("close", "application/problem+json")
                asked += 1
    assert asked > 60


@pytest.mark.parametrize(
    ("call", "role", "headers", "refusal"),
    [
        ("POST /v1/orders/batch", "customer", JSON | KEY | {"content_length": "3900000"}, (403, "shop_only")),
        ("POST /v1/orders", "customer", JSON | KEY, (403, "shop_only")),
        ("POST /v1/orders", "reader", JSON | KEY, (403, "read_only")),
        ("POST /v1/orders", "guest", JSON | KEY, (403, "shop_only")),
        ("POST /v1/orders", "platform", JSON, (400, "idempotency_key_missing")),
        ("POST /v1/orders", "platform", JSON | {"idempotency_key": "k" * 256}, (400, "idempotency_key_invalid")),
        ("POST /v1/orders", "platform", JSON | KEY | {"if_match": "v1"}, (422, "bad_etag")),
        ("POST /v1/orders", "platform", JSON | KEY | {"if_match": '"v1.x y"'}, (422, "bad_etag")),
        ("POST /v1/orders", "platform", JSON | KEY | {"content_length": "3000001"}, (413, "too_large")),
        (
            "POST /v1/orders/o/cancel",
            "platform",
            JSON | KEY | {"content_length": "64001"},
            (413, "too_large"),
        ),
        ("POST /v1/orders", "platform", KEY | {"content_length": "100"}, (415, "unsupported_media_type")),
        ("POST /v1/orders", "staff", JSON | KEY | {"on_behalf_of": "c-1"}, (403, "on_behalf_of_platform_only")),
        ("POST /v1/orders", "platform", JSON | KEY | {"on_behalf_of": "c" * 129}, (422, "invalid")),
        ("POST /v1/orders?q=%00", "platform", JSON | KEY, (422, "nul_character")),
        ("POST /v1/nothing", "platform", JSON | KEY | {"content_length": MANY}, (404, "no_such_route")),
        ("PATCH /v1/orders/batch", "platform", JSON | KEY | {"content_length": MANY}, (405, "method_not_allowed")),
    ],
)
async def test_what_the_head_says_is_enough(shop: Shop, call: str, role: str, headers: dict[str, str], refusal: tuple[int, str]) -> None:
    who = shop.reader if role == "reader" else shop.caller(role, new_id("order") if role == "guest" else "someone")  # type: ignore[arg-type]  # one of the roles
    answered, said, problem = await only_head(shop, "orders", call, who, **headers)
    assert ((answered, problem["code"]), problem["status"]) == (refusal, answered)
    assert said["cache-control"] == "no-store"
    assert await shop.rows("orders", "select 1 from orders where store_id = {store}") == []


async def test_a_stranger_at_an_address_that_is_none_is_told_so(shop: Shop) -> None:
    """The addresses are public (openapi.json): only what stands behind them is not."""
    assert (await only_head(shop, "orders", "GET /v1/nothing", None))[0] == 404
    status, headers, _ = await only_head(shop, "orders", "PUT /v1/orders/batch", None)
    assert (status, headers["allow"]) == (405, "POST")
    for public in (
        "/",
        "/health/live",
        "/metrics",
        "/service/openapi.json",
        "/service/asyncapi.json",
        "/openapi.json",
        "/problems/invalid",
    ):
        assert (await shop.caller("customer", "c").get(f"/orders{public}")).status == 200


async def test_a_small_body_that_is_not_wanted_costs_no_connection(shop: Shop) -> None:
    async with line(shop.stack.urls["orders"]) as sent:
        for _ in range(3):
            sent.send(head("POST", "/v1/orders", content_type="application/json", content_length="2") + b"{}")
            status, headers, _ = await sent.answer()
            assert (status, "connection" in headers) == (401, False)


async def test_refusals_echo_what_finds_them_again(shop: Shop) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x_request_id": "r-1"}
    _, headers, problem = await only_head(shop, "orders", "GET /v1/orders", None, **sent)
    assert (headers["x-request-id"], problem["trace_id"], problem["instance"]) == ("r-1", trace, "/v1/orders")
    figures = (await shop.staff.get("/orders/metrics")).content.decode()
    assert 'aftersale_http_refused_total{code="unauthenticated",service="orders",status="401"}' in figures


async def test_a_body_in_chunks_is_cut_at_its_bound(shop: Shop) -> None:
    """It says no length: it is read up to the bound of its route, and not a chunk further."""
    async with line(shop.stack.urls["orders"]) as sent:
        sent.send(
            head(
                "POST",
                "/v1/orders/o/cancel",
                shop.staff.token,
                transfer_encoding="chunked",
                content_type="application/json",
                **KEY,
            )
        )
        for _ in range(2):
            sent.send(b"7d00\r\n" + b" " * 32_000 + b"\r\n")  # 64,000: as much as there may be
        sent.send(b"1\r\n \r\n")
        status, headers, problem = await sent.answer()
    assert (status, problem["code"], headers["connection"]) == (413, "too_large", "close")
    assert problem["detail"] == "A request body has at most 64000 bytes here."


LISTS = b'{"orders":[' + b"[]," * 600_000 + b"[]]}"
FIELDS = json.dumps(order_p() | {f"k{number}": 1 for number in range(50_000)}).encode()
BOMBS: dict[str, tuple[str, bytes, str]] = {
    "1.8 MB of lists": ("/v1/orders", LISTS, "too_many_values"),
    "1.8 MB of lists in a batch": ("/v1/orders/batch", LISTS, "too_many_values"),
    "200,000 unknown fields": (
        "/v1/orders", json.dumps({f"k{number}": 1 for number in range(200_000)}).encode(), "too_many_values",
    ),
    "values without end": ("/v1/orders", b"[" + b"1," * 1_400_000 + b"1]", "too_many_values"),
    "nested for ever": ("/v1/orders", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_many_values"),
    "50,000 unknown fields": ("/v1/orders", FIELDS, "invalid"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
async def test_bombs_are_weighed_before_they_are_opened(shop: Shop, name: str) -> None:
    path, body, code = BOMBS[name]
    answer = await shop.platform.post(f"/orders{path}", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (422, code), answer.content[:300]
    assert len(answer.content) < 5_000
    assert "errors" not in answer.body, "errors were built, each as an object, to be thrown away"
    assert await shop.rows("orders", "select 1 from orders where store_id = {store}") == []


async def test_an_order_of_a_batch_is_weighed_by_itself(shop: Shop) -> None:
    good, crowded = order_p(), order_p() | {f"k{number}": 1 for number in range(60_001)}
    wrong = order_p() | {f"k{number}": 1 for number in range(600)}
    items = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": [crowded, good, wrong]})).ok()["items"]
    assert [item["status"] for item in items] == [422, 201, 422]
    assert (items[0]["problem"]["code"], items[2]["problem"]["wrong"], "errors" in items[2]["problem"]) == ("too_many_values", 600, False)


async def test_the_longest_that_is_allowed_is_taken(shop: Shop) -> None:
    """The bounds are for bombs: an order of 2,000 lines with all their fields, and a text of 10,000 letters written as escapes, pass."""
    entry = {"sku": "A", "name": "n", "quantity": 1, "unit_price": 100, "subtotal": 100, "discount": 0, "tax": 0, "total": 100}
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p(lines=[entry] * 2_000, total=None, tax=0))).ok()
    lines = [{"line": number + 1, "quantity": 1} for number in range(2_000)]
    asked = {"order_id": placed["order_id"], "lines": lines, "reason": "damaged", "description": "অ" * 5_000}
    escaped = json.dumps(asked, indent=1).encode()
    refused = await shop.customer().post("/refunds/v1/refunds", content=escaped, headers={"Content-Type": "application/json"})
    assert refused.code not in ("too_large", "too_many_values", "invalid")
    text = json.dumps({"order_id": placed["order_id"], "audience": "customer", "text": "😀" * 10_000}).encode()
    noted = await shop.staff.post("/notes/v1/notes", content=text, headers={"Content-Type": "application/json"})
    assert noted.code not in ("too_large", "too_many_values", "invalid")


async def test_what_is_malformed_in_an_address_is_never_our_mistake(shop: Shop) -> None:
    for path in ("/v1/orders/%ED%A0%80", "/v1/orders?q=%ED%A0%80", "/v1/orders/%", "/v1/orders?q=%", "/v1/orders?cursor=%FF", "/%00", "*"):
        async with line(shop.stack.urls["orders"]) as sent:
            sent.send(head("GET", path, shop.staff.token))
            status, _, problem = await sent.answer()
        assert 200 <= status < 500, (path, problem)


async def test_one_callers_answer_is_not_kept_for_another(shop: Shop) -> None:
    answer = (await shop.staff.get("/orders/v1/orders-settings")).ok()
    told = {name: answer.headers[name] for name in ("vary", "cache-control", "x-content-type-options")}
    assert told == {"vary": "Authorization, On-Behalf-Of", "cache-control": "private, no-cache", "x-content-type-options": "nosniff"}
    assert (await shop.staff.get("/orders/v1/orders")).headers["cache-control"] == "no-store"


async def _cancelling_until(shop: Shop, status: str) -> None:
    settings = (await shop.staff.get("/orders/v1/orders-settings")).ok()
    body = {name: value for name, value in settings.body.items() if name != "version"}
    body |= {"customer_cancel_until": status, "cancel_preset": "cancellation-control"}
    (await shop.staff.put("/orders/v1/orders-settings", json=body, headers={"If-Match": settings.etag})).ok()


ROLES: tuple[Role, ...] = ("platform", "staff", "customer")


async def test_an_etag_holds_only_what_it_was_sent_with(shop: Shop) -> None:
    """The same version of an order, seen by others or under other settings, is another representation (RFC 9110, 8.8.1)."""
    await _cancelling_until(shop, "delivered")
    paid = order_p(payments=[{"amount": 11000, "method": "card", "reference": "r"}])
    order_id = (await shop.platform.post("/orders/v1/orders", json=paid)).ok()["order_id"]
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "shipped"})).ok()
    seen: dict[str, str] = {}
    for path in (f"/orders/v1/orders/{order_id}", f"/orders/v1/orders/{order_id}/actions"):
        shown = {role: (await shop.caller(role, "c-1").get(path)).ok() for role in ROLES}
        assert all(one.etag.startswith('"v2.') for one in shown.values())
        assert shown["customer"].etag != shown["staff"].etag, "two callers see different things under one tag"
        again = await shop.customer().get(path, headers={"If-None-Match": f'"v2", W/{shown["customer"].etag}'})
        others = await shop.customer().get(path, headers={"If-None-Match": shown["staff"].etag})
        version = await shop.customer().get(path, headers={"If-None-Match": '"v2"'})
        assert (again.status, others.status, version.status) == (304, 200, 200)
        seen[path] = shown["customer"].etag
    await _cancelling_until(shop, "picked_up")
    for path, etag in seen.items():
        assert (await shop.customer().get(path, headers={"If-None-Match": etag})).status == 200, "304 for actions that are no longer so"


async def test_a_change_needs_the_version_of_an_etag_alone(shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    etag = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok().etag
    path = f"/orders/v1/orders/{order_id}/transitions"
    (await shop.platform.post(path, json={"to": "confirmed"}, headers={"If-Match": etag})).ok()
    stale = await shop.platform.post(path, json={"to": "shipped"}, headers={"If-Match": etag})
    assert (stale.status, stale["current_version"]) == (412, 2)
    (await shop.platform.post(path, json={"to": "shipped"}, headers={"If-Match": '"v2"'})).ok()


@pytest.mark.parametrize(
    "path",
    ["/orders/v1/orders", "/orders/v1/orders/export?format=csv", "/orders/openapi.json", "/orders/health/live", "/refunds/v1/refund-policy",
     "/notes/v1/notes-settings", "/documents/v1/documents", "/orders/v1/nothing"],
)  # fmt: skip
async def test_a_head_is_answered_as_its_get_without_a_body(shop: Shop, path: str) -> None:
    """RFC 9110, 9.3.2."""
    got = await shop.staff.get(path)
    asked = await shop.staff.call("HEAD", path)
    same = ("content-type", "content-length", "etag", "cache-control", "link", "content-disposition")
    assert (asked.status, asked.content) == (got.status, b"")
    assert [asked.headers.get(name) for name in same] == [got.headers.get(name) for name in same]


@pytest.mark.parametrize(
    ("path", "kind"), [("/webhooks/v1/events/stream", "text/event-stream"), ("/orders/v1/orders/export?format=csv", "text/csv")]
)
async def test_a_head_of_what_goes_on_ends_in_silence(shop: Shop, path: str, kind: str) -> None:
    """It costs a line of its own in the log, and none of an error."""
    trace = uuid.uuid4().hex
    (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    asked = await shop.staff.call("HEAD", path, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert (asked.status, asked.headers["content-type"], asked.content) == (200, f"{kind}; charset=utf-8", b"")
    lines = await eventually(lambda: _logged(shop, trace))
    assert [(line["event"], line["status"]) for line in lines] == [("http", 200)]


async def _logged(shop: Shop, trace: str) -> list[dict[str, Any]]:
    text = await asyncio.to_thread(Path(shop.stack.log).read_text)
    found = [json.loads(line) for line in text.splitlines() if trace in line]
    assert found
    return found


async def test_a_head_where_nothing_can_be_got_is_refused(shop: Shop) -> None:
    asked = await shop.staff.call("HEAD", "/orders/v1/orders/batch")
    assert (asked.status, asked.headers["allow"]) == (405, "POST")
