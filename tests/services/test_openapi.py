"""The documents that strangers build clients from: complete, valid, and the same each time."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR  # the official schema of OpenAPI 3.1, as schemathesis carries it

from deploy.operator.registry import REGISTRY
from shared.process.service import Running
from tests.stack import SERVICES, Stack

ALWAYS = {"401", "403", "422", "500", "503"}
WRITE_NOTHING = {"refunds_refund_preview", "documents_settings_preview", "documents_orders_print"}
PROBLEM = {"$ref": "#/components/schemas/Problem"}


@pytest.fixture(scope="module", params=SERVICES)
async def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
async def document(service: str, stack: Stack, client: httpx2.AsyncClient) -> Any:
    return (await client.get(f"{stack.urls[service]}/service/openapi.json")).json()


@pytest.fixture(scope="module")
async def messages(service: str, stack: Stack, client: httpx2.AsyncClient) -> Any:
    return (await client.get(f"{stack.urls[service]}/service/asyncapi.json")).json()


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_openapi_is_valid(document: dict[str, Any]) -> None:
    assert [f"{error.instance_path}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_every_schema_is_a_json_schema(document: dict[str, Any], messages: dict[str, Any]) -> None:
    for found in (document, messages):
        for schema in found["components"]["schemas"].values():
            assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), schema


def test_every_reference_leads_somewhere(document: dict[str, Any], messages: dict[str, Any]) -> None:
    for found in (document, messages):
        for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(found))):
            at: Any = found
            for part in reference.split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            assert at


def test_every_operation_says_what_it_is(service: str, document: dict[str, Any]) -> None:
    seen = set()
    for where, operation in _operations(document):
        assert re.fullmatch(rf"{service}_[a-z_]+", operation["operationId"]), where
        assert operation["operationId"] not in seen, where
        seen.add(operation["operationId"])
        assert operation.get("tags"), where
        assert re.match(r"[A-Z]", operation["summary"]), where
        assert len(operation["summary"]) < 160, where
        assert operation.get("security"), where
        assert [one["name"] for one in operation.get("parameters", []) if not one.get("description")] == [], where


def test_every_operation_says_how_it_fails(document: dict[str, Any]) -> None:
    for where, operation in _operations(document):
        answers = operation["responses"]
        assert answers.keys() >= ALWAYS, where
        if "{" in where and "stock/{sku}" not in where and "customers/" not in where:
            assert "404" in answers, where
        for status, answer in answers.items():
            if int(status) >= 400:
                assert answer["content"] == {"application/problem+json": {"schema": PROBLEM}}, (where, status)
        if not where.startswith("GET"):
            names = {one["name"]: one["required"] for one in operation.get("parameters", [])}
            assert ("Idempotency-Key" in names) or operation["operationId"] in WRITE_NOTHING, where
            assert ("412" in answers) == ("If-Match" in names), where
            assert names.get("If-Match", False) == ("428" in answers), where


def test_only_what_has_a_version_promises_304(document: dict[str, Any]) -> None:
    """`Calling.show` sends an ETag with a view that has a version, and with no other."""
    schemas = document["components"]["schemas"]
    promises, sends = set(), set()
    for path, methods in document["paths"].items():
        answers = methods.get("get", {}).get("responses", {})
        shown = answers.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        named = schemas.get(shown.get("$ref", "").rpartition("/")[2], shown)
        promises |= {path} if "304" in answers else set()
        sends |= {path} if "version" in named.get("properties", {}) else set()
    assert promises == sends != set()


def test_every_body_has_an_example_that_fits(document: dict[str, Any]) -> None:
    without = []
    for where, operation in _operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json":
                examples = list(_examples(content, document))
                if not examples:
                    without.append(where)
                schema = {**content["schema"], "components": document["components"]}
                for example in examples:
                    jsonschema_rs.validate(schema, example)
    assert without == []


def _examples(content: dict[str, Any], document: dict[str, Any]) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    for schema in (content["schema"], *content["schema"].get("anyOf", [])):
        name = schema.get("$ref", "").rpartition("/")[2]
        yield from document["components"]["schemas"].get(name, {}).get("examples", [])
        yield from schema.get("examples", [])


def test_asyncapi_tells_every_message(service: str, messages: dict[str, Any]) -> None:
    assert messages["asyncapi"] == "3.0.0"
    assert messages["operations"]
    for name, operation in messages["operations"].items():
        assert operation["action"] == name.partition("_")[0]
    for message in messages["components"]["messages"].values():
        assert message["summary"]
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **message["payload"]})


def test_another_process_writes_the_same_documents(
    service: str, stack: Stack, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers' process and this one have other hash seeds: nothing may depend on them."""
    for name, value in stack.settings.items():
        monkeypatch.setenv(name, value)
    running = Running(REGISTRY[service].service(), ("api",))
    assert json.dumps(running.app.openapi()) == json.dumps(document)
