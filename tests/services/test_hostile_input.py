"""What strangers send by mistake and enemies on purpose: each a clear problem with a stable code, and nothing written."""

import ast
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.contracts.actor import Actor
from shared.contracts.ids import new_id
from shared.web.tokens import issue
from tests.shop import ISSUER, Answer, Shop, order_p
from tests.stack import PROJECT, SERVICES, Stack

LINE = order_p()["lines"][0]
LISTS = {
    "orders": "/v1/orders", "refunds": "/v1/refunds", "notes": "/v1/notes/unread", "documents": "/v1/documents", "webhooks": "/v1/events",
}  # fmt: skip
DEEP = "[" * 100_000 + "]" * 100_000


def _line(**changes: Any) -> dict[str, Any]:
    return order_p(lines=[LINE | changes])


BAD_ORDERS: dict[str, tuple[Any, int, str, str | None]] = {
    "unknown field": (order_p(colour="red"), 422, "invalid", "/colour"),
    "unknown field of a line": (_line(colour="red"), 422, "invalid", "/lines/0/colour"),
    "number as text": (_line(quantity="2"), 422, "invalid", "/lines/0/quantity"),
    "fraction": (_line(quantity=1.5), 422, "invalid", "/lines/0/quantity"),
    "true as a number": (_line(quantity=True), 422, "invalid", "/lines/0/quantity"),
    "quantity 0": (_line(quantity=0), 422, "invalid", "/lines/0/quantity"),
    "quantity below 0": (_line(quantity=-1), 422, "invalid", "/lines/0/quantity"),
    "quantity over a million": (_line(quantity=1_000_001), 422, "invalid", "/lines/0/quantity"),
    "negative price": (_line(unit_price=-1), 422, "invalid", "/lines/0/unit_price"),
    "fractional price": (_line(unit_price=10.5), 422, "invalid", "/lines/0/unit_price"),
    "huge price": (_line(unit_price=10**30), 422, "invalid", "/lines/0/unit_price"),
    "price times quantity too large": (_line(unit_price=10**14, quantity=1_000_000), 422, "", None),
    "no such currency": (order_p(currency="XXQ"), 422, "invalid", "/currency"),
    "currency in small letters": (order_p(currency="bdt"), 422, "invalid", "/currency"),
    "currency as a number": (order_p(currency=50), 422, "invalid", "/currency"),
    "no lines": (order_p(lines=[]), 422, "invalid", "/lines"),
    "lines as an object": (order_p(lines={}), 422, "invalid", "/lines"),
    "10,000 lines": (order_p(lines=[LINE] * 10_000), 422, "invalid", "/lines"),
    "2,001 lines": (order_p(lines=[LINE] * 2_001), 422, "invalid", "/lines"),
    "totals that do not add up": (order_p(total=1), 422, "figures_do_not_add_up", None),
    "a line that does not add up": (_line(total=9_999), 422, "figures_do_not_add_up", None),
    "discount above the price": (_line(discount=10_001), 422, "", None),
    "no such country": (order_p(shipping_address={"country_code": "QQ"}), 422, "", None),
    "time without a zone": (order_p(placed_at="2026-01-01T00:00:00"), 422, "invalid", "/placed_at"),
    "time as a number": (order_p(placed_at=0), 422, "invalid", "/placed_at"),
    "from the future": (order_p(placed_at="2999-01-01T00:00:00Z"), 422, "", None),
    "a million characters": (order_p(metadata={"note": "x" * 1_000_000}), 422, "invalid", None),
    "no customer": ({key: value for key, value in order_p().items() if key != "customer"}, 422, "invalid", "/customer"),
    "null": (None, 422, "invalid", "/"),
    "a list": ([], 422, "invalid", "/"),
    "a word": ("order", 422, "invalid", "/"),
}  # fmt: skip

RAW: dict[str, tuple[bytes, str | None, int, str]] = {
    "not JSON": (b"{", "application/json", 400, "invalid_json"),
    "nothing": (b"", "application/json", 422, "invalid"),
    "not UTF-8": (b'{"currency": "\xff\xfe"}', "application/json", 400, "invalid_json"),
    "deep JSON": (DEEP[90_000:110_000].encode(), "application/json", 400, "invalid_json"),
    "deeper JSON": (DEEP.encode(), "application/json", 422, "too_many_values"),
    "a number of 10,000 digits": (b'{"currency": ' + b"9" * 10_000 + b"}", "application/json", 400, "invalid_json"),
    "not a number": (json.dumps(_line(quantity=float("nan"))).encode(), "application/json", 422, "invalid"),
    "infinity": (json.dumps(_line(quantity=float("inf"))).encode(), "application/json", 422, "invalid"),
    "NUL": (json.dumps(order_p(language="en", metadata={"a": "b\x00"})).encode(), "application/json", 422, "nul_character"),
    "NUL in a key": (json.dumps(order_p(metadata={"a\x00": "b"})).encode(), "application/json", 422, "nul_character"),
    "lone surrogate": (json.dumps(_line(name="\ud800")).encode(), "application/json", 400, "invalid_json"),
    "lone surrogate in a key": (json.dumps(order_p(metadata={"\udfff": "b"})).encode(), "application/json", 400, "invalid_json"),
    "text": (json.dumps(order_p()).encode(), "text/plain", 415, "unsupported_media_type"),
    "a form": (b"currency=BDT", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    "XML": (b"<order/>", "application/xml", 415, "unsupported_media_type"),
    "no kind of content": (json.dumps(order_p()).encode(), None, 415, "unsupported_media_type"),
    "5 MB": (b'{"currency": "' + b"x" * 5_000_000 + b'"}', "application/json", 413, "too_large"),
}

SETTABLE_BY_NOBODY = ("order_id", "store_id", "version", "status", "payment", "refund_state", "refunded_total", "collected", "recorded_at",
                      "created_by", "placed_by", "cancelled_from", "imported", "updated_at", "due", "actions")  # fmt: skip


async def written(shop: Shop) -> dict[str, int]:
    """How many rows the store has in the tables that orders writes to."""
    tables = ("orders", "lines", "payments", "changes", "events", "idempotency", "stock_movements")
    found = {table: await shop.rows("orders", f"select count(*) as n from {table} where store_id = {{store}}") for table in tables}
    return {table: rows[0]["n"] for table, rows in found.items()}


@pytest.fixture
async def untouched(shop: Shop) -> AsyncIterator[Shop]:
    """A store in which nothing is written while the test runs."""
    before = await written(shop)
    yield shop
    assert await written(shop) == before


def explained(answer: Answer) -> dict[str, Any]:
    """The problem, which must be a whole one and hold nothing of our insides."""
    problem: dict[str, Any] = answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["title"]
    assert not re.search(r"Traceback|sqlalchemy|asyncpg|pydantic|File \"", answer.content.decode())
    return problem


@pytest.mark.parametrize("name", BAD_ORDERS)
async def test_a_bad_order_is_refused_and_says_where(untouched: Shop, name: str) -> None:
    body, status, code, pointer = BAD_ORDERS[name]
    problem = explained(await untouched.platform.call("POST", "/orders/v1/orders", json=body))
    assert (problem["status"], problem["code"]) == (status, code or problem["code"])
    assert pointer is None or pointer in {error["pointer"] for error in problem["errors"]}
    assert (await untouched.platform.get(f"/orders/problems/{problem['code']}")).ok()["explanation"]


async def test_both_figures_are_told_when_they_do_not_add_up(untouched: Shop) -> None:
    problem = explained(await untouched.platform.post("/orders/v1/orders", json=order_p(total=1)))
    assert (problem["given"], problem["computed"]) == (1, 11_000)


@pytest.mark.parametrize("name", RAW)
async def test_a_body_that_is_not_one_is_refused(untouched: Shop, name: str) -> None:
    content, kind, status, code = RAW[name]
    headers = {} if kind is None else {"Content-Type": kind}
    problem = explained(await untouched.platform.call("POST", "/orders/v1/orders", content=content, headers=headers))
    assert (problem["status"], problem["code"]) == (status, code)


async def test_50_megabytes_are_refused_without_being_read(untouched: Shop) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(800):
            yield b" " * 65_536

    problem = explained(await untouched.platform.call("POST", "/orders/v1/orders", content=b" " * 50_000_000))
    assert (problem["status"], problem["code"]) == (413, "too_large")
    try:
        chunked = await untouched.platform.call(
            "POST", "/orders/v1/orders", content=endless(), headers={"Content-Type": "application/json"}
        )
    except httpx2.NetworkError:
        return  # refused and closed while we still sent: fine too
    assert (chunked.status, chunked.code) == (413, "too_large")


@pytest.mark.parametrize("field", SETTABLE_BY_NOBODY)
async def test_nobody_sets_what_is_ours_to_set(untouched: Shop, field: str) -> None:
    for path in ("/orders/v1/orders", "/refunds/v1/refunds"):
        body = order_p() if path.startswith("/orders") else {"order_id": new_id("order"), "lines": [{"line": 1, "quantity": 1}]}
        body = {"reason": "damaged", **body} if path.startswith("/refunds") else body
        if field in ("order_id",) and path.startswith("/refunds"):
            continue
        problem = explained(await untouched.platform.post(path, json={**body, field: "1"}))
        assert (problem["status"], problem["code"]) == (422, "invalid")
        assert {"/" + field: "extra_forbidden"} == {error["pointer"]: error["code"] for error in problem["errors"]}


async def test_an_edit_changes_nothing_but_what_is_editable(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    before = await written(shop)
    path = f"/orders/v1/orders/{placed['order_id']}"
    for field in ("status", "total", "lines", "currency", "payment", "number", "store_id", "customer_id"):
        problem = explained(await shop.staff.patch(path, json={"reason": "typo", field: placed.body.get(field, "1")}))
        assert (problem["status"], problem["code"]) == (422, "invalid"), field
    assert await written(shop) == before
    assert (await shop.staff.get(path)).ok()["version"] == placed["version"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/orders/v1/orders"),
        ("PUT", "/orders/v1/orders"),
        ("PATCH", "/orders/v1/orders/batch"),
        ("DELETE", "/refunds/v1/refunds"),
        ("PUT", "/notes/v1/notes/unread"),
        ("POST", "/documents/v1/documents/series"),
        ("TRACE", "/orders/v1/orders"),
    ],
)
async def test_another_verb_is_refused_with_those_that_work(untouched: Shop, method: str, path: str) -> None:
    answer = await untouched.platform.call(method, path, json={})
    assert (explained(answer)["status"], answer.code) == (405, "method_not_allowed")
    assert answer.headers["allow"]
    assert method not in answer.headers["allow"].split(", ")


async def test_a_verb_cannot_be_smuggled(untouched: Shop) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = await untouched.platform.get("/orders/v1/orders", headers={name: "POST"}, params={"limit": 1})
        assert (answer.status, answer["items"]) == (200, [])
    answer = await untouched.platform.get("/orders/v1/orders", params={"_method": "DELETE"})
    assert (answer.status, answer.code) == (422, "invalid")


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/orders/%2e%2e/%2e%2e/etc/passwd", "/v1/orders/a%00b", "/v1/orders//", "/%ff", "/v2/orders"]
)
@pytest.mark.parametrize("service", SERVICES)
async def test_an_address_that_is_none_is_a_problem_like_any_other(shop: Shop, service: str, path: str) -> None:
    problem = explained(await shop.platform.get(f"/{service}{path}"))
    assert (problem["status"], problem["code"]) in ((404, "no_such_route"), (422, "invalid"))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "invalid"),
        ("limit=201", "invalid"),
        ("limit=ten", "invalid"),
        ("limit=1&limit=x", "invalid"),
        ("cursor=AAAA", "bad_cursor"),
        ("cursor=" + "A" * 501, "invalid"),
        ("cursor=WzEsMV0", "bad_cursor"),
        ("cursor=%00", "nul_character"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/orders/v1/orders", "/orders/v1/stock", "/refunds/v1/refunds", "/notes/v1/notes/unread", "/documents/v1/documents"]
)
async def test_a_bad_query_is_refused(shop: Shop, path: str, query: str, code: str) -> None:
    problem = explained(await shop.platform.get(f"{path}?{query}"))
    if (query, path) == ("limit=1&limit=x", path) and problem["code"] == "invalid":
        return
    assert (problem["status"], problem["code"]) == (422, code) or (code == "invalid" and problem["code"] == "bad_cursor")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"If-Match": "v1"}, 422, "bad_etag"),
        ({"If-Match": '"v1", "v2"'}, 422, "bad_etag"),
        ({"If-Match": '"v99999999999999999999999"'}, 422, "bad_etag"),
        ({"If-Match": '"v9999999999999999999"'}, 412, "version_conflict"),
        ({"Idempotency-Key": "x" * 256}, 400, "idempotency_key_invalid"),
        ({"Idempotency-Key": ""}, 400, "idempotency_key_invalid"),
        ({"On-Behalf-Of": "x" * 129}, 422, "invalid"),
        ({"On-Behalf-Of": ""}, 422, "invalid"),
        ({"On-Behalf-Of": b"c\x9b2J"}, 422, "invalid"),  # a terminal obeys it in a log or a list
    ],
)
async def test_a_bad_header_is_refused(shop: Shop, headers: dict[str, Any], status: int, code: str) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    before = await written(shop)
    path = f"/orders/v1/orders/{order_id}/transitions"
    problem = explained(
        await shop.platform.call("POST", path, json={"to": "confirmed"}, key=None, headers={"Idempotency-Key": "k", **headers})
    )
    assert (problem["status"], problem["code"]) == (status, code)
    assert await written(shop) == before


def _token(shop: Shop, **changes: Any) -> str:
    given = {"store": shop.store, "role": "platform", "id": "platform-1"} | changes
    return issue(shop.stack.secret, issuer=given.pop("issuer", ISSUER), actor=Actor(**given), lifetime_seconds=60, now=time.time())


async def test_bad_tokens_are_refused_each_with_its_code(untouched: Shop, client: httpx2.AsyncClient) -> None:
    good = _token(untouched)
    head, payload, signature = good.split(".")
    old = issue(
        untouched.stack.secret, issuer=ISSUER, actor=Actor(untouched.store, "platform", "p"), lifetime_seconds=1, now=time.time() - 99
    )
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    tokens = {
        "": "unauthenticated",
        "Basic YTpi": "unauthenticated",
        "Bearer": "unauthenticated",
        "Bearer x": "not_a_jwt",
        f"Bearer {old}": "token_expired",
        f"Bearer {head}.{payload}.": "bad_signature",
        f"Bearer {none}.{payload}.": "bad_signature",
        f"Bearer {none}.{payload}.{signature}": "bad_signature",
        f"Bearer {head}.{payload}.{signature[:-2]}AA": "bad_signature",
        f"Bearer {_token(untouched, issuer='somebody-else')}": "unknown_issuer",
        f"Bearer {good}{'A' * 5000}": "token_too_long",
        f"Bearer {_token(untouched, id='x' * 129)}": "bad_claim",
    }
    for authorization, code in tokens.items():
        for service in SERVICES:
            path = LISTS[service]
            headers = {"Authorization": authorization} if authorization else {}
            answer = await client.get(f"{untouched.stack.urls[service]}{path}", headers=headers)
            problem = explained(Answer(answer.status_code, answer.headers, answer.content))
            assert (problem["status"], problem["code"]) == (401, code), authorization[:60]
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_another_stores_order_is_missing(shop: Shop, stack: Stack, client: httpx2.AsyncClient, pools: dict[str, Any]) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    before, other = await written(shop), Shop(stack, client, pools)
    for path, body in (
        (f"/orders/v1/orders/{order_id}/cancel", {"reason": "x"}),
        (f"/orders/v1/orders/{order_id}/transitions", {"to": "shipped"}),
        ("/notes/v1/notes", {"order_id": order_id, "audience": "private", "text": "x"}),
        ("/refunds/v1/refunds", {"order_id": order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged"}),
    ):
        problem = explained(await other.platform.post(path, json=body))
        assert (problem["status"], problem["code"]) == (404, "not_found" if path.startswith("/orders") else "order_not_here_yet")
    assert await written(shop) == before


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "refund_",
        "order_" + "8" + "0" * 25,
        "order_" + "0" * 27,
        "ORDER_" + "0" * 26,
        "0190a5f0-0000-7000-8000-000000000001",
        "'; drop table orders; --",
    ],
)
async def test_an_id_that_is_none_is_refused(shop: Shop, prefix: str) -> None:
    problem = explained(await shop.platform.post(f"/orders/v1/orders/{prefix or 'x'}/cancel", json={"reason": "x"}))
    assert (problem["status"], problem["code"]) in ((422, "invalid"), (404, "no_such_route"))


def _raised(path: Path) -> set[str]:
    """The problem codes that a source file names: first arguments of failures and refusals, and default codes."""
    makers = {"Invalid", "NotFound", "Unauthenticated", "Forbidden", "Refused", "TooLarge", "Busy", "Transient", "Unavailable", "Failure",
              "refused", "_BadKey", "_BadJson", "_NotJson"}  # fmt: skip
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in makers and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return found


@pytest.mark.parametrize("service", SERVICES)
async def test_every_code_is_explained(shop: Shop, service: str) -> None:
    sources = [*(PROJECT / "services" / service).rglob("*.py"), *(PROJECT / "shared").rglob("*.py")]
    codes = {code for path in sources for code in _raised(path)}
    assert len(codes) > 25
    unexplained = {code for code in codes if (await shop.platform.get(f"/{service}/problems/{code}")).status != 200}
    assert unexplained == set()


async def test_a_code_that_is_none_is_not_explained(shop: Shop) -> None:
    answer = await shop.platform.get("/orders/problems/no-such-code")
    assert (answer.status, answer.code) == (404, "not_found")
