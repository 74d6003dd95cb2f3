"""What FastAPI cannot know when it generates a service's OpenAPI document: descriptions, and what the kernel does with every call."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from shared.data.idempotency import MAX_KEY_CHARACTERS
from shared.web.problems import problem_response
from shared.web.routes import FOR_SHOP, KEYLESS, MANY

PARAMETERS = {
    "limit": "The most items that a page may have.",
    "cursor": "`next_cursor` or `previous_cursor` of a page of this list; leave it out for the first page.",
    "order_id": "The order.",
    "link_id": "A link by which a guest reads the order.",
    "parcel_id": "A parcel of the order.",
    "payment_id": "A payment of the order.",
    "refund_id": "The refund.",
    "note_id": "The note.",
    "document_id": "The document.",
    "attention_id": "The item that needs attention.",
    "attachment_id": "The attachment.",
    "endpoint_id": "The endpoint.",
    "delivery_id": "The delivery of one event to one endpoint.",
    "replay_id": "A replay, as its call named it.",
    "event_id": "The event.",
    "state": "Only deliveries in this state.",
    "customer_id": "The store's own id of the customer.",
    "sku": "The store's own id of the article.",
    "button": "What to print.",
    "format": "The kind of file.",
    "kind": "Only this kind of document.",
    "status": "Filter by status.",
    "payment": "Filter by payment: paid or unpaid.",
    "refund_state": "Filter by how much is refunded: none, partial or full.",
    "settlement": "Filter by settlement state.",
    "cause": "Filter by cause.",
    "closed": "List the items that were closed instead of those that are waiting.",
    "currency": "Only this currency (ISO 4217).",
    "below": "Only SKUs with fewer units than this.",
    "order_number": "Only those of the order with this number.",
    "placed_at.gte": "Placed at this time or later.",
    "placed_at.lt": "Placed before this time.",
    "updated_at.gte": "Changed last at this time or later.",
    "updated_at.lt": "Changed last before this time.",
    "occurred_at.gte": "Occurred at this time or later.",
    "occurred_at.lt": "Occurred before this time.",
    "requested_at.gte": "Requested at this time or later.",
    "requested_at.lt": "Requested before this time.",
    "created_at.gte": "Made at this time or later.",
    "created_at.lt": "Made before this time.",
}


def tidy_openapi(app: FastAPI) -> None:
    """Extend the document that `app` generates, once."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = made()
        if fresh:
            _name_pages(document)
            for path in document["paths"].values():
                for method, operation in path.items():
                    operation.pop(FOR_SHOP, None), operation.pop(MANY, None)
                    _describe(operation)
                    if operation.get("security"):
                        _say_conditions(method, operation, document["components"]["schemas"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _name_pages(document: dict[str, Any]) -> None:
    """Rename pages to the titles of their classes: FastAPI writes `Page_OrderView_`, whose title is OrderPage."""
    told = json.dumps(document)
    for name, schema in document["components"]["schemas"].items():
        if name.startswith("Page_"):
            told = told.replace(f'"{name}"', f'"{schema["title"]}"').replace(f'/{name}"', f'/{schema["title"]}"')
    document |= json.loads(told)


def merged(documents: Mapping[str, dict[str, Any]], *, title: str, description: str, version: str) -> dict[str, Any]:
    """One document of all services, merged from each service's own, for one address and one generated client.

    Schemas that all have (a problem, an amount, who did it) appear once. Raises ValueError if a name or path has two meanings.
    """
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    operations: dict[str, str] = {}
    for service, document in documents.items():
        for path, methods in document["paths"].items():
            if path in paths:
                raise ValueError(f"{path} is served by {service} and by another service")
            paths[path] = methods
            for operation in methods.values():
                name = operation["operationId"]
                if operations.setdefault(name, service) != service:
                    raise ValueError(f"the operation {name} is one of {service} and one of {operations[name]}")
        for kind, definitions in document["components"].items():
            known = components.setdefault(kind, {})
            for name, definition in definitions.items():
                if known.setdefault(name, definition) != definition:
                    raise ValueError(f"{kind} has two definitions of {name}, one of them by {service}")
    return {
        "openapi": next(iter(documents.values()))["openapi"],
        "info": {"title": title, "description": description, "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {kind: dict(sorted(definitions.items())) for kind, definitions in sorted(components.items())},
    }


def _describe(operation: dict[str, Any]) -> None:
    """Use the docstring's first sentence as the summary, and add a description to each parameter."""
    first, _, _ = operation.get("description", "").partition("\n\n")
    if first:
        operation["summary"] = " ".join(first.split()).partition(". ")[0].removesuffix(".")
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            answer["content"].pop("application/json", None)  # FastAPI adds its own media type; ours are problems
    for parameter in operation.get("parameters", []):
        if "description" not in parameter:
            parameter["description"] = parameter["schema"].get("description") or PARAMETERS.get(parameter["name"].lower(), "")


def _say_conditions(method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add the conditional headers that a call takes, and the responses that they cause."""
    parameters, answers = operation.setdefault("parameters", []), operation["responses"]
    needs_key = method == "post" and not operation.pop(KEYLESS, False)
    if method == "get":
        if _has_version(answers.get("200", {}), schemas):
            parameters.append(_header("If-None-Match", 'The ETag that you have, such as "v7.0123456789abcdef"; 304 if it still holds.', {}))
            answers["304"] = {"description": "You already have the current version"}
        return
    if "412" in answers:
        said = 'The ETag that you read, such as "v7.0123456789abcdef", or its version alone, "v7"; 412 if it has changed since.'
        pattern = {"pattern": r'^(\*|"v[0-9]{1,19}(\.[0-9a-f]{16})?")$'}
        parameters.append(_header("If-Match", said, pattern, required="428" in answers))
    if needs_key or method != "post":
        length = {"minLength": 1, "maxLength": MAX_KEY_CHARACTERS}
        parameters.append(_header("Idempotency-Key", "A repeat with the same key gets the stored response.", length, required=needs_key))
        answers.setdefault("409", _problem("In progress: a call with the same Idempotency-Key is still running"))
    if "requestBody" in operation:
        answers["415"] = _problem("Unsupported media type")


def _has_version(answer: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether the response is a view with a version: only those have an ETag (Calling.show)."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return "version" in schemas.get(schema.get("$ref", "").rpartition("/")[2], schema).get("properties", {})


def _problem(description: str) -> dict[str, Any]:
    return {name: value for name, value in problem_response(description).items() if name != "model"}


def _header(name: str, description: str, limits: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": {"type": "string", **limits}}
