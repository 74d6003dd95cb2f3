"""The generator of the client: names, types, and what it refuses instead of guessing."""

from typing import Any

import pytest

from deploy.operator.client_code.document import operations
from deploy.operator.client_code.files import client_code
from deploy.operator.client_code.names import group_of, method_of
from kit.client import Client
from kit.client.connection import PAGE
from shared.web.published import published

DOCUMENT = published("openapi.json")
OK = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingView"}}}}}
VIEW = {"type": "object", "description": "A thing.", "required": ["kind"], "properties": {"kind": {"enum": ["a", "b"]}}}
INPUT = {"type": "object", "description": "A thing to make.", "required": ["kind"], "properties": {"kind": {"enum": ["a", "b"]}}}


def document(operation: dict[str, Any], path: str = "/v1/things/{thing_id}", method: str = "post") -> dict[str, Any]:
    """A document with one operation."""
    said = {"operationId": "shop_thing_read", "description": "Says it.", "parameters": [], "responses": OK, **operation}
    if "{thing_id}" in path:
        said["parameters"] = [{"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}, *said["parameters"]]
    return {"paths": {path: {method: said}}, "components": {"schemas": {"ThingView": VIEW, "ThingInput": INPUT}}}


def body(name: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def test_every_operation_has_a_method_of_its_own() -> None:
    named = [(group_of(one), method_of(one)) for one in operations(DOCUMENT)]
    assert len(named) == len(set(named)) == sum(len(methods) for methods in DOCUMENT["paths"].values())
    client = Client(None)  # type: ignore[arg-type]  # only its methods are looked at
    assert [one for one in named if not callable(getattr(getattr(client, one[0]), one[1], None))] == []


def test_names_follow_from_paths_and_operation_ids() -> None:
    named = {one.operation_id: f"{group_of(one)}.{method_of(one)}" for one in operations(DOCUMENT)}
    wanted = {
        "orders_order_place": "orders.place",
        "orders_payment_record": "orders.record_payment",
        "orders_guest_link_list": "orders.list_guest_links",
        "orders_stock_movement_list": "stock.list_movements",
        "orders_customer_erase": "customers.erase",
        "orders_settings_history_list": "orders_settings.list_history",
        "refunds_policy_save": "refund_policy.save",
        "refunds_refundable_read": "refunds.read_refundable",
        "refunds_attention_list": "refunds.list_attention",
        "notes_unread_list": "notes.list_unread",
        "documents_series_list": "documents.list_series",
        "documents_waiting_list": "documents.list_waiting",
    }
    assert {one: named[one] for one in wanted} == wanted


def test_a_choice_is_open_in_what_callers_get_and_exact_in_what_they_send() -> None:
    made = client_code(document({"requestBody": body("ThingInput")}))
    assert '    kind: Literal["a", "b"] | str\n' in made["answers/things.py"]
    assert made["requests/things.py"].endswith('class ThingInput(TypedDict):\n    """A thing to make."""\n\n    kind: Literal["a", "b"]\n')


def test_a_field_with_the_name_of_a_keyword_is_read_with_an_underscore() -> None:
    fields = {"from": {"type": "string", "default": "a"}, "class": {"type": "string"}}
    there = {"type": "object", "required": ["class"], "properties": fields}
    made = client_code(document({}) | {"components": {"schemas": {"ThingView": there}}})
    assert '    from_: str = Field(default="a", alias="from")\n    class_: str = Field(alias="class")\n' in made["answers/things.py"]


def test_a_schema_needs_no_description() -> None:
    made = client_code(document({}) | {"components": {"schemas": {"ThingView": {"type": "object"}}}})
    assert made["answers/things.py"].endswith('class ThingView(Answer):\n    """`ThingView` of the OpenAPI document."""\n')


def test_every_list_takes_pages_as_long_as_the_client_asks_for() -> None:
    paged = [operation for operation in operations(DOCUMENT) if any(one.name == "cursor" for one in operation.query)]
    limits = [one.schema["maximum"] for operation in paged for one in operation.query if one.name == "limit"]
    assert set(limits) == {PAGE}


def test_a_method_in_full() -> None:
    key = {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}
    made = client_code(document({"parameters": [key], "requestBody": body("ThingInput")}))
    assert made["calls/things.py"].partition("self._connection = connection\n\n")[2] == (
        "    async def read(self, thing_id: str, *, idempotency_key: str | None = None, **body: Unpack[ThingInput]) -> ThingView:\n"
        '        """Says it."""\n'
        '        call = Call("POST", f"/v1/things/{segment(thing_id)}", key=idempotency_key or new_key(), body=body)\n'
        "        return await self._connection.answer(ThingView, call)\n"
    )


def test_a_field_with_the_name_of_a_parameter_leaves_the_body_whole() -> None:
    clash = {"name": "kind", "in": "query", "schema": {"type": "string"}}
    made = client_code(document({"parameters": [clash], "requestBody": body("ThingInput")}))
    assert "def read(self, thing_id: str, body: ThingInput, *, kind: str | None = None) -> ThingView:" in made["calls/things.py"]


@pytest.mark.parametrize(
    ("operation", "path", "why"),
    [
        (
            {"parameters": [{"name": "X-Mood", "in": "header", "schema": {"type": "string"}}]},
            "/v1/things",
            "does not know the header X-Mood",
        ),
        ({"responses": {"200": {"content": {"application/json": {"schema": {"type": "integer"}}}}}}, "/v1/things", "not a named schema"),
        ({"requestBody": body("ThingView")}, "/v1/things", "both sent and received: ThingView"),
        ({"parameters": [{"name": "from", "in": "query", "schema": {"type": "string"}}]}, "/v1/things", "'from' is no name in Python"),
        ({"parameters": [{"name": "a", "in": "query", "schema": {"type": "file"}}]}, "/v1/things", "has no type for"),
        ({}, "/v2/things", "is not below /v1"),
    ],
)
def test_what_it_cannot_express_is_refused(operation: dict[str, Any], path: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        client_code(document(operation, path))
