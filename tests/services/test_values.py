"""No value that a caller can send is one that a part of the product cannot hold: refused at the door, or an empty page, never a 500."""

from datetime import date, datetime
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import quote

import pytest
from pydantic import BaseModel

import services.documents.api
import services.notes.api
import services.orders.api
import services.refunds.api  # noqa: F401  (their request models are found among the subclasses)
from shared.web.inputs import Day, Fact, Input, Moment, Plan
from shared.web.pages import encode_cursor
from tests.shop import Shop, eventually, order_p
from tests.stack import SERVICES

EXTREMES = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-14:00",
    "2100-01-01T00:00:00Z",
    "infinity",
    "-4713-01-01T00:00:00Z",
    "0",
)
HUGE = (2**31, 2**63 - 1, 2**63, -(2**63), 10**30)
SLASHED = "gid://shop/Customer/1 %2F?#"


def _subclasses(model: type[Any]) -> set[type[Any]]:
    return {model, *(deeper for one in model.__subclasses__() for deeper in _subclasses(one))}


def _kinds(annotation: Any) -> list[Any]:
    """The plain types in an annotation, each with the metadata that stands at it."""
    if get_origin(annotation) is Annotated:
        kind, *metadata = get_args(annotation)
        return [(one, [*metadata, *more]) for one, more in _kinds(kind)]
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return [found for part in parts for found in _kinds(part)] if parts else [(annotation, [])]


def test_every_time_in_a_request_is_the_one_type() -> None:
    """Inputs are bodies; a plain model of a service that forbids other fields is a query."""
    asked = [
        model
        for model in _subclasses(BaseModel)
        if model.__module__.startswith("services.") and (issubclass(model, Input) or model.model_config.get("extra") == "forbid")
    ]
    own = {kind: get_args(kind)[1] for kind in (Fact, Plan, Moment, Day)}
    loose = [
        f"{model.__module__}.{model.__name__}.{name}"
        for model in asked
        for name, field in model.model_fields.items()
        for kind, metadata in _kinds(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)
        if kind in (datetime, date) and not any(validator in metadata for validator in own.values())
    ]
    assert len(asked) > 30
    assert loose == []


async def _operations(shop: Shop) -> list[tuple[str, str, dict[str, Any]]]:
    """(service, path, query parameter) of every list and read."""
    documents = {service: (await shop.staff.get(f"/{service}/service/openapi.json")).ok().body["paths"] for service in SERVICES}
    return [
        (service, path, parameter)
        for service, paths in documents.items()
        for path, methods in paths.items()
        for parameter in methods.get("get", {}).get("parameters", [])
        if parameter["in"] == "query"
    ]


def _formats(schema: dict[str, Any]) -> set[str]:
    return {str(one.get("format", one.get("type"))) for one in (schema, *schema.get("anyOf", []))}


async def test_no_filter_is_too_far_away(shop: Shop) -> None:
    tried = 0
    for service, path, parameter in await _operations(shop):
        formats = _formats(parameter["schema"])
        values = EXTREMES if formats & {"date-time", "date"} else HUGE if "integer" in formats else ()
        for value in values:
            address = path.replace("{order_id}", "order_00000000000000000000000000").replace("{sku}", "TEE-1")
            answer = await shop.staff.get(f"/{service}{address}", params={parameter["name"]: str(value)})
            assert answer.status in (200, 404, 422), (service, path, parameter["name"], value, answer.content)
            tried += 1
    assert tried > 60


@pytest.mark.parametrize("path", ["/orders/v1/orders", "/refunds/v1/refunds", "/refunds/v1/refunds/attention", "/documents/v1/documents",
                                  "/orders/v1/stock", "/refunds/v1/refund-policy/history", "/notes/v1/notes/unread",
                                  "/notes/v1/notes?order_id=ID",
                                  "/notes/v1/timeline/ID", "/orders/v1/stock/TEE-1/movements"])  # fmt: skip
async def test_no_cursor_is_too_far_away(shop: Shop, path: str) -> None:
    """Made by hand with the shape of each list's own: 200 or bad_cursor, whatever stands in it."""
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": 1})).ok()
    await eventually(lambda: _seen(shop, placed["order_id"]))
    ids = [f"{kind}_{'0' * 26}" for kind in ("order", "refund", "attention", "document", "note")]
    times_in = [*EXTREMES, "9999-12-31", "0001-01-01", *(f"~{number}" for number in HUGE)]
    shapes: list[list[Any]] = [[number] for number in HUGE] + [[number, "x"] for number in HUGE]
    shapes += [[when, one] for when in times_in for one in ids] + [["next", when, ids[0]] for when in times_in]
    shapes += [["2026-01-01T00:00:00+00:00", number, 1, "0190f5a8-0000-7000-8000-000000000000"] for number in HUGE]
    shapes += [["2026-01-01T00:00:00+00:00", 1, number, "0190f5a8-0000-7000-8000-000000000000"] for number in HUGE]
    wrong = []
    for shape in shapes:
        cursor = encode_cursor(shape)
        answer = await shop.staff.get(path.replace("ID", placed["order_id"]) + f"{'&' if '?' in path else '?'}cursor={cursor}")
        if not (answer.status == 200 or (answer.status, answer.code) == (422, "bad_cursor")):
            wrong.append((shape, answer.status, answer.content))
    assert wrong == []


async def _seen(shop: Shop, order_id: str) -> bool:
    return (await shop.staff.get(f"/notes/v1/notes?order_id={order_id}")).ok().status == 200


@pytest.mark.parametrize("when", EXTREMES)
async def test_no_time_in_a_body_is_too_far_away(shop: Shop, when: str) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    order = f"/orders/v1/orders/{placed['order_id']}"
    events = "select count(*) as n from events where store_id = {store}"
    before = await shop.rows("orders", events)
    prepaid = [{"amount": 100, "method": "cod", "reference": "r", "occurred_at": when}]
    tried = {
        "placed_at": await shop.platform.post("/orders/v1/orders", json=order_p(placed_at=when)),
        "prepaid": await shop.platform.post("/orders/v1/orders", json=order_p(payments=prepaid)),
        "payment": await shop.staff.post(f"{order}/payments", json=prepaid[0]),
        "transition": await shop.staff.post(f"{order}/transitions", json={"to": "confirmed", "occurred_at": when}),
        "failure": await shop.staff.post(f"{order}/delivery-failures", json={"reason": "away", "occurred_at": when}),
        "policy": await shop.staff.put("/refunds/v1/refund-policy", headers={"If-Match": '"v0"'}, json={
            "manage_stock": False, "attachments": True, "deduct_shipping": False, "valid_from": when}),
    }  # fmt: skip
    assert {name: answer.status for name, answer in tried.items()} == dict.fromkeys(tried, 422)
    step = {"order_id": placed["order_id"], "to": "confirmed", "occurred_at": when}
    moved = (await shop.staff.post("/orders/v1/orders/transitions", json={"items": [step]})).ok()
    assert [item["status"] for item in moved["items"]] == [422]
    batch = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": [order_p(placed_at=when), order_p()]})).ok()
    assert [item["status"] for item in batch["items"]] == [422, 201]
    assert (await shop.rows("orders", events))[0]["n"] == before[0]["n"] + 1  # the batch's good one alone


async def test_a_customer_of_any_id_can_be_erased(shop: Shop) -> None:
    placed = (
        await shop.platform.post("/orders/v1/orders", json=order_p(customer={"id": SLASHED, "name": "Rahima", "email": "a@example.com"}))
    ).ok()
    erased = (await shop.platform.call("DELETE", f"/orders/v1/customers/{quote(SLASHED, safe='')}")).ok()
    assert (erased["customer_id"], erased["orders"]) == (SLASHED, 1)
    assert (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok()["customer"]["name"] == ""
    assert (await shop.platform.call("DELETE", "/orders/v1/customers/a/b")).status == 404


@pytest.mark.parametrize("sku", ["TEE/RED", "a//b", "/", "x/movements", "x/adjustments", "a%2Fb", "x/movements/", "é/ক"])
async def test_a_sku_with_a_slash_has_a_level_and_a_ledger(shop: Shop, sku: str) -> None:
    path = f"/orders/v1/stock/{quote(sku, safe='')}"
    assert (await shop.staff.put(path, json={"on_hand": 7})).ok()["sku"] == sku
    assert (await shop.staff.post(f"{path}/adjustments", json={"quantity": -2, "reason": "broken"})).ok()["on_hand"] == 5
    assert (await shop.staff.get(path)).ok()["on_hand"] == 5
    assert [item["quantity"] for item in (await shop.staff.get(f"{path}/movements")).ok()["items"]] == [-2, 7]


async def test_a_number_in_metadata_is_one_that_the_database_compares(shop: Shop) -> None:
    assert (await shop.platform.post("/orders/v1/orders", json=order_p(metadata={"n": 2**63 - 1}))).ok()["metadata"] == {"n": 2**63 - 1}
    assert (await shop.platform.post("/orders/v1/orders", json=order_p(metadata={"n": 2**63}))).status == 422
