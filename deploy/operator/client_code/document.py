"""Reads the OpenAPI document into what a method of the client consists of. Raises ValueError for what this generator cannot express."""

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Schema = dict[str, Any]
Kind = Literal["answer", "nothing", "download", "stream"]
OF_THE_CONNECTION = {"On-Behalf-Of", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"}
"""Headers that kit/client sends by itself or as a condition; any other would need a parameter."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path, or of the query; `name` is what is sent, `python` the parameter's name."""

    name: str
    schema: Schema
    required: bool
    description: str

    @property
    def python(self) -> str:
        """`placed_at.gte` as a Python name."""
        return identifier(self.name.replace(".", "_"))


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body: one file, and further fields."""

    file: str
    fields: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    operation_id: str
    method: str
    path: str
    description: str
    in_path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    headers: dict[str, bool]
    """The headers that it takes, and whether each is required."""
    body: str | Form | None
    """The schema of its JSON body, its form, or the media type of its content."""
    kind: Kind
    answers: tuple[str, ...]
    """The schemas of its successful response; two where `dry_run` decides between them."""

    @property
    def body_schema(self) -> str | None:
        """The schema of its JSON body."""
        return self.body if isinstance(self.body, str) and "/" not in self.body else None


def identifier(name: str) -> str:
    """The name itself. Raises ValueError if Python does not take it."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is no name in Python")
    return name


def operations(document: Schema) -> Iterator[Operation]:
    """Every operation, in the order of the paths."""
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield _operation(method.upper(), path, said)


def _operation(method: str, path: str, said: Schema) -> Operation:
    parameters = said.get("parameters", [])
    headers = {one["name"]: bool(one.get("required")) for one in parameters if one["in"] == "header"}
    if unknown := headers.keys() - OF_THE_CONNECTION:
        raise ValueError(f"{said['operationId']}: the client does not know the header {', '.join(unknown)}")
    kind, answers = _answer(said)
    return Operation(
        operation_id=said["operationId"],
        method=method,
        path=path,
        description=str(said.get("description", said.get("summary"))),
        in_path=_parameters(parameters, "path"),
        query=_parameters(parameters, "query"),
        headers=headers,
        body=_body(said),
        kind=kind,
        answers=answers,
    )


def _parameters(said: list[Schema], where: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(one["name"], one["schema"], bool(one.get("required")), one.get("description", "")) for one in said if one["in"] == where
    )


def _body(said: Schema) -> str | Form | None:
    content = said.get("requestBody", {}).get("content", {})
    if not content:
        return None
    [(media_type, one)] = content.items()
    if media_type == "application/json":
        [name] = references(one["schema"])
        return name
    if media_type != "multipart/form-data":
        return str(media_type)
    fields = one["schema"]["properties"]
    [file] = [name for name, field in fields.items() if field.get("format") == "binary"]
    required = one["schema"].get("required", [])
    others = (Parameter(name, field, name in required, field.get("description", "")) for name, field in fields.items() if name != file)
    return Form(file, tuple(others))


def _answer(said: Schema) -> tuple[Kind, tuple[str, ...]]:
    [(status, response)] = [(status, one) for status, one in said["responses"].items() if status.startswith("2")]
    content = response.get("content", {})
    if "application/json" in content:
        schema = content["application/json"]["schema"]
        names = tuple(references(schema))
        if not names or len(names) != len(schema.get("anyOf", names)):
            raise ValueError(f"{said['operationId']}: the answer is not a named schema")
        return "answer", names
    if "text/event-stream" in content:
        return "stream", ()
    return ("nothing" if status == "204" else "download"), ()


def references(schema: Any) -> Iterator[str]:
    """The names of the schemas that this one refers to directly, each once, in order."""
    found: dict[str, None] = {}
    waiting = [schema]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, dict):
            if isinstance(one.get("$ref"), str):
                found[one["$ref"].rpartition("/")[2]] = None
            waiting.extend(value for name, value in one.items() if name not in ("default", "examples"))
        elif isinstance(one, list):
            waiting.extend(one)
    yield from found


def reached(schemas: Schema, names: tuple[str, ...]) -> set[str]:
    """These schemas and all that they refer to."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting.extend(references(schemas[name]))
    return found
