"""Python types of the document's schemas: of what callers send, and of what they get.

Both take additions of a later server. What callers get may have values that the document does not list, so a choice is its known values or
any text. What callers send is exact, so that a type checker finds a typo.
"""

import json
from dataclasses import dataclass, field

from deploy.operator.client_code.document import Schema

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
FORMATS = {"date-time": ("datetime", "datetime"), "date": ("datetime", "date"), "uuid": ("uuid", "UUID")}


@dataclass(slots=True)
class Types:
    """Writes types, and notes what they need: imports as (module, name), and other schemas."""

    sent: bool
    imports: set[tuple[str, str]] = field(default_factory=set)
    schemas: set[str] = field(default_factory=set)

    def of(self, schema: Schema) -> str:
        """The type of a schema. Raises ValueError for what it does not know."""
        parts = dict.fromkeys(self._parts(schema))
        literals = [one for one in parts if one.startswith("Literal")]
        if "str" in parts and self.sent:
            parts = {one: None for one in parts if one not in literals}
        nothing = parts.pop("None", 0) is None
        return " | ".join([*parts, *(["None"] if nothing else [])])

    def _parts(self, schema: Schema) -> list[str]:
        if "$ref" in schema:
            self.schemas.add(name := schema["$ref"].rpartition("/")[2])
            return [name]
        if "anyOf" in schema:
            return [part for one in schema["anyOf"] for part in self._parts(one)]
        if values := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
            self.imports.add(("typing", "Literal"))
            literal = f"Literal[{', '.join(json.dumps(value) for value in values)}]"
            return [literal] if self.sent else [literal, "str"]
        return [self._plain(schema)]

    def _plain(self, schema: Schema) -> str:
        kind = schema.get("type")
        if kind == "array":
            return self._array(schema)
        if kind == "object":
            return self._mapping(schema)
        if kind == "string" and schema.get("format") in FORMATS:
            self.imports.add(FORMATS[schema["format"]])
            return FORMATS[schema["format"]][1]
        if kind in PLAIN:
            return PLAIN[kind]
        raise ValueError(f"the client has no type for {schema}")

    def _array(self, schema: Schema) -> str:
        if not self.sent:
            return f"list[{self.of(schema['items'])}]"
        self.imports.add(("collections.abc", "Sequence"))
        return f"Sequence[{self.of(schema['items'])}]"

    def _mapping(self, schema: Schema) -> str:
        values = schema.get("additionalProperties", True)
        if not self.sent:
            if not isinstance(values, dict):
                self.imports.add(("typing", "Any"))
            return f"dict[str, {self.of(values) if isinstance(values, dict) else 'Any'}]"
        self.imports.add(("collections.abc", "Mapping"))
        return f"Mapping[str, {self.of(values) if isinstance(values, dict) else 'object'}]"
