"""Writes what callers send, as typed dictionaries, and what they get, as pydantic models; one module of each for every group."""

from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any

from deploy.operator.client_code.document import Schema, identifier, references
from deploy.operator.client_code.layout import WIDTH, docstring, module
from deploy.operator.client_code.types import Types

Place = Callable[[str], str]
"""The module in which a schema's class is."""


def sent(names: set[str], schemas: Mapping[str, Schema], here: str, place: Place) -> str:
    """A module of what callers send."""
    types = Types(sent=True, imports={("typing", "TypedDict")})
    parts = [_sent(name, schemas[name], types) for name in _in_order(names, schemas)]
    return module("What callers send.", types.imports | _from_others(types, here, place), parts)


def got(names: set[str], schemas: Mapping[str, Schema], here: str, place: Place) -> str:
    """A module of what callers get."""
    types = Types(sent=False, imports={("kit.client.answer", "Answer")})
    parts = [_class(name, "Answer", schemas[name], _field_got, types) for name in _in_order(names, schemas)]
    return module("What callers get.", types.imports | _from_others(types, here, place), parts)


def _sent(name: str, schema: Schema, types: Types) -> str:
    """A class; a call where a field has the name of a keyword of Python, which no class can have."""
    if not any(map(iskeyword, schema.get("properties", {}))):
        return _class(name, "TypedDict", schema, _field_sent, types)
    fields = [f'"{one}": {_written(part, one in schema.get("required", []), types)}' for one, part in schema["properties"].items()]
    written = [f"{identifier(name)} = TypedDict(", f'    "{name}",', "    {", *(f"        {one}," for one in fields), "    },", ")"]
    return "\n".join([*written, docstring("", schema.get("description") or _what(name, schema))])


def _written(schema: Schema, required: bool, types: Types) -> str:
    if required:
        return types.of(schema)
    types.imports.add(("typing", "NotRequired"))
    return f"NotRequired[{types.of(schema)}]"


def _class(name: str, kind: str, schema: Schema, field: Callable[..., list[str]], types: Types) -> str:
    required = schema.get("required", [])
    said = schema.get("description") or _what(name, schema)
    lines = [f"class {identifier(name)}({kind}):", docstring("    ", said), ""]
    for property_name, one in schema.get("properties", {}).items():
        lines += field(property_name, one, property_name in required, types)
    if wide := [line for line in lines if max(map(len, line.splitlines() or [""])) > WIDTH]:
        raise ValueError(f"{name} has a line that is too long: {wide}")
    return "\n".join(lines).rstrip()


def _what(name: str, schema: Schema) -> str:
    """A sentence about a schema that has none: most are pages."""
    if "next_cursor" not in schema.get("properties", {}):
        return f"`{name}` of the OpenAPI document."
    [item] = references(schema["properties"]["items"])
    return f"A page of `{item}`."


def _field_sent(name: str, schema: Schema, required: bool, types: Types) -> list[str]:
    written = _written(schema, required, types)
    said = schema.get("description")
    return [f"    {identifier(name)}: {written}", *([docstring("    ", f"{said.removesuffix('.')}.")] if said else [])]


def _field_got(name: str, schema: Schema, required: bool, types: Types) -> list[str]:
    """A field; one that has the name of a keyword of Python is read as that name with `_` behind it."""
    written, own = types.of(schema), iskeyword(name)
    said = {} if required else _default(schema.get("default"))
    if own:
        said["alias"] = f'"{name}"'
    field = f"    {identifier(f'{name}_' if own else name)}: {written}"
    if said.keys() <= {"default"}:
        return [" = ".join([field, *said.values()])]
    types.imports.add(("pydantic", "Field"))
    return [f"{field} = Field({', '.join(f'{key}={value}' for key, value in said.items())})"]


def _default(value: Any) -> dict[str, str]:
    """The default of a field, as arguments of pydantic's Field."""
    if isinstance(value, list | dict):
        if value:
            raise ValueError(f"the client cannot write the default {value}")
        return {"default_factory": type(value).__name__}
    return {"default": repr(value).replace("'", '"') if isinstance(value, str) else repr(value)}


def _from_others(types: Types, here: str, place: Place) -> set[tuple[str, str]]:
    return {(place(name), name) for name in types.schemas if place(name) != here}


def _in_order(names: set[str], schemas: Mapping[str, Schema]) -> list[str]:
    """Each after those that it refers to. Raises ValueError if two refer to each other."""
    ordered: list[str] = []
    waiting = sorted(names)
    while waiting:
        ready = [name for name in waiting if not set(references(schemas[name])) & set(waiting)]
        if not ready:
            raise ValueError(f"these schemas refer to each other: {', '.join(waiting)}")
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
    return ordered
