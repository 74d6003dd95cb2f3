"""One dialect across all services: one type for each need, consistent names and shapes, and one document of all.

The one way for each need is in docs/conventions.md; test_tidy.py checks a service's rooms and what each may import.
"""

import ast
import json
import keyword
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from deploy.operator.registry import REGISTRY, SERVICES
from shared.web.app import described
from shared.web.openapi import merged
from tests.test_tidy import PROJECT, functions, imports, name, sources

VERBS = {
    "add", "adjust", "approve", "archive", "cancel", "close", "create", "decline", "download", "edit", "erase", "export", "follow",
    "inspect", "list", "move", "place", "preview", "print", "read", "record", "remove", "replay", "report", "request", "retract", "reverse",
    "revoke", "save", "set", "upload", "verify", "withdraw",
}  # fmt: skip
TECHNICAL = (
    "sqlalchemy",
    "fastapi",
    "faststream",
    "starlette",
    "asyncpg",
    "aio_pika",
    "alembic",
    "shared.data",
    "shared.messaging",
    "shared.web",
)


@pytest.mark.parametrize("service", SERVICES)
def test_no_room_is_in_a_circle(service: str) -> None:
    arrows: dict[str, set[str]] = defaultdict(set)
    for path in sources(f"services/{service}/"):
        room = path.relative_to(PROJECT / "services" / service).parts[0].removesuffix(".py")
        arrows[room] |= {module.split(".")[2] for module in imports(path) if module.startswith(f"services.{service}.")} - {room}
    while leaves := [room for room in arrows if not arrows[room] & arrows.keys()]:
        for room in leaves:
            del arrows[room]
    assert dict(arrows) == {}


def defined(path: Path) -> Iterator[str]:
    """Names of the types that a file defines: its classes, and capitalised names that it assigns."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name) and re.match("[A-Z][a-z]", target.id))


def test_no_type_has_a_twin() -> None:
    """A type that all services send or accept is defined once, in shared: an amount, who did it, a page, a word, a time."""
    homes = (
        "shared/contracts/lifecycle.py",
        "shared/contracts/actor.py",
        "shared/web/inputs.py",
        "shared/web/views.py",
        "shared/web/exports.py",
    )
    common = {one for home in homes for one in defined(PROJECT / home)}
    assert {"Word", "Text", "Fact", "MoneyView", "Page", "OrderStatus", "Decision", "Format"} - common == {"Text"}  # a function
    twins = [f"{name(path)}: {one}" for path in sources("services/") for one in defined(path) if one in common | {"Text"}]
    assert twins == []


def test_the_published_language_loads_nothing_technical() -> None:
    """In a separate interpreter: code that only parses an event loads neither a database nor a web framework."""
    code = "import sys, shared.contracts.events, shared.contracts.lifecycle, shared.contracts.actor; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    assert [module for module in loaded if module.startswith(TECHNICAL)] == []


def test_the_time_is_passed_by_its_name() -> None:
    """`now` is keyword-only, so that no other time is passed for it by mistake."""
    found = [
        (name(path), one.name)
        for path in sources("shared", "services")
        for one in functions(path)
        for argument in (*one.args.posonlyargs, *one.args.args)
        if argument.arg == "now" and argument.annotation is not None and "datetime" in ast.unparse(argument.annotation)
    ]
    assert found == []


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Each service's own OpenAPI document, without a running process."""
    return {one.name: described(one.service()).openapi() for one in REGISTRY.values()}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize("service", SERVICES)
def test_operations_are_named_service_noun_verb(service: str) -> None:
    names = [operation["operationId"] for _, operation in operations(documents()[service])]
    assert [one for one in names if not re.fullmatch(rf"{service}(_[a-z]+)+_({'|'.join(VERBS)})", one)] == []
    assert len(names) == len(set(names))


@pytest.mark.parametrize("service", SERVICES)
def test_lists_page_and_filter_alike(service: str) -> None:
    """Pages go both ways; a filter by time is called `<field>.gte` or `<field>.lt`."""
    document = documents()[service]
    schemas = document["components"]["schemas"]
    assert [
        name
        for name, schema in schemas.items()
        if ("next_cursor" in schema.get("properties", {})) != ("previous_cursor" in schema.get("properties", {}))
    ] == []
    times = [
        (where, parameter["name"])
        for where, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and "date-time" in json.dumps(parameter["schema"])
    ]
    assert [one for one in times if not one[1].endswith((".gte", ".lt"))] == []


def test_one_document_of_all_services() -> None:
    """No path, operation or schema has two meanings, so that one address serves all and one client can be generated."""
    document = merged(documents(), title="Aftersale", description="All services.", version="1")
    assert [f"{error.instance_path}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    for schema in document["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), schema
    wanted = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(document)))
    assert wanted <= document["components"]["schemas"].keys()


def test_a_client_has_a_name_for_everything() -> None:
    """Names of which generators make classes and functions: no two differ only in case or underscores, and none is a keyword."""
    document = merged(documents(), title="Aftersale", description="All services.", version="1")
    named = [operation["operationId"] for _, operation in operations(document)]
    for names in (named, list(document["components"]["schemas"])):
        plain = [re.sub(r"[^a-z0-9]", "", one.lower()) for one in names]
        assert sorted(plain) == sorted(set(plain))
        assert [one for one in names if not one.isidentifier() or keyword.iskeyword(one)] == []
    assert [one for one in document["components"]["schemas"] if one.startswith("Page")] == []


def test_what_clashes_is_seen() -> None:
    """The merge itself refuses a name with two meanings."""
    orders, refunds = (
        {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"View": {"type": kind}}}} for kind in ("string", "integer")
    )
    with pytest.raises(ValueError, match="two definitions of View"):
        merged({"orders": orders, "refunds": refunds}, title="", description="", version="1")
    one = {"openapi": "3.1.0", "paths": {"/v1/things": {"get": {"operationId": "a_thing_read"}}}, "components": {}}
    with pytest.raises(ValueError, match="/v1/things"):
        merged({"a": one, "b": one}, title="", description="", version="1")
