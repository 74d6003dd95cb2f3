"""The documents about all services, which every API serves: `./aftersale generate` builds them, and every image has the same files."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response

FOLDER = Path(__file__).parent / "published"
SERVED = ("openapi.json", "asyncapi.json")


def published(name: str) -> Any:
    """`openapi.json`, `asyncapi.json`, or `problems.json` (each code with its explanation)."""
    return json.loads((FOLDER / name).read_bytes())


def as_text(document: Any) -> str:
    """The text of a document's file: a line for each path, message and schema, so that a diff shows which of them changed."""
    return _text(document, 0) + "\n"


def _text(value: Any, depth: int) -> str:
    if depth == 3 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    pad = "  " * (depth + 1)
    items = [f"{pad}{json.dumps(name)}: {_text(one, depth + 1)}" for name, one in value.items()]
    return "{\n" + ",\n".join(items) + "\n" + "  " * depth + "}"


def add_published(app: FastAPI, public_url: str) -> None:
    """Serve the two documents; OpenAPI names the address that callers use, if `public_url` is set."""
    for name in SERVED:
        app.add_api_route(f"/{name}", _answer(name, {"servers": [{"url": public_url}]} if public_url else {}), include_in_schema=False)


def _answer(name: str, also: dict[str, Any]) -> Any:
    async def answer() -> Response:
        content = published(name) | (also if name == "openapi.json" else {})
        return Response(json.dumps(content, ensure_ascii=False, separators=(",", ":")), media_type="application/json")

    return answer
