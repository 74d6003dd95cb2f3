"""Writes one class for each group of calls, with a typed method for each operation."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from deploy.operator.client_code.document import Form, Operation, Parameter, Schema
from deploy.operator.client_code.layout import docstring, module, spread
from deploy.operator.client_code.models import Place
from deploy.operator.client_code.names import class_of, iterator_of, method_of
from deploy.operator.client_code.types import Types

CONNECTION, CALL = "kit.client.connection", "kit.client.call"
CURSORS = ("limit", "cursor")
DRY_RUN = "dry_run"


@dataclass(slots=True)
class Writer:
    """Writes the methods of one group, and notes their imports."""

    schemas: dict[str, Schema]
    sent: Place
    got: Place
    types: Types = field(default_factory=lambda: Types(sent=True))

    def group(self, group: str, operations: Iterable[Operation]) -> str:
        """The module of a group."""
        self._import(CONNECTION, "Connection")
        start = "    def __init__(self, connection: Connection) -> None:\n        self._connection = connection"
        head = f"class {class_of(group)}:\n" + docstring("    ", f"Calls of `/v1/{group.replace('_', '-')}…`.")
        methods = [method for one in operations for method in self._methods(one)]
        return module("Calls.", self.types.imports, ["\n\n".join([head, start, *methods])])

    def _import(self, module_name: str, name: str) -> str:
        self.types.imports.add((module_name, name))
        return name

    def _methods(self, operation: Operation) -> list[str]:
        name = method_of(operation)
        if len(operation.answers) == 2:
            for_real, dry = operation.answers
            query = tuple(one for one in operation.query if one.name != DRY_RUN)
            plan = f"What `{name}` would do now; nothing changes."
            return [
                self._answering(name, replace(operation, query=query, answers=(for_real,))),
                self._answering(f"{name}_{DRY_RUN}", replace(operation, query=query, answers=(dry,), description=plan), {DRY_RUN: "True"}),
            ]
        if operation.kind == "download":
            return [self._download(name, operation)]
        if operation.kind == "stream":
            return [self._follow(name, operation)]
        if operation.kind == "nothing":
            return [self._method(f"async def {name}", operation, "None", "await self._connection.nothing(", {})]
        made = [self._answering(name, operation)]
        if "If-None-Match" in operation.headers:
            made.append(self._if_changed(name, operation))
        if "next_cursor" in self.schemas[operation.answers[0]].get("properties", {}):
            made.append(self._all(name, operation))
        return made

    def _answering(self, name: str, operation: Operation, fixed: dict[str, str] | None = None) -> str:
        answer = self._answer(operation)
        return self._method(f"async def {name}", operation, answer, f"return await self._connection.answer({answer}, ", fixed or {})

    def _answer(self, operation: Operation) -> str:
        [answer] = operation.answers
        return self._import(self.got(answer), answer)

    def _if_changed(self, name: str, operation: Operation) -> str:
        answer = self._answer(operation)
        said = f"As `{name}`, or None if what has the ETag `etag` is still the answer."
        return self._method(
            f"async def {name}_if_changed",
            replace(operation, description=said),
            f"{answer} | None",
            f"return await self._connection.answer_if_changed({answer}, ",
            {},
            more=("etag: str",),
            conditions=("if_none_match=etag",),
        )

    def _all(self, name: str, operation: Operation) -> str:
        page = self._answer(operation)
        items = self.schemas[page]["properties"]["items"]["items"]["$ref"].rpartition("/")[2]
        answer = f"{self._import('collections.abc', 'AsyncIterator')}[{self._import(self.got(items), items)}]"
        query = tuple(one for one in operation.query if one.name not in CURSORS)
        said = f"Every item of `{name}`, page by page."
        begun = f"return self._connection.items({page}, "
        return self._method(f"def {iterator_of(operation)}", replace(operation, query=query, description=said), answer, begun, {})

    def _download(self, name: str, operation: Operation) -> str:
        answer = f"{self._import('contextlib', 'AbstractAsyncContextManager')}[{self._import('kit.client.download', 'Download')}]"
        return self._method(f"def {name}", operation, answer, "return self._connection.download(", {})

    def _follow(self, name: str, operation: Operation) -> str:
        answer = f"{self._import('collections.abc', 'AsyncGenerator')}[{self._import('kit.client.streams', 'StreamEvent')}, None]"
        last, given = "last_event_id: int | None = None", "last_event_id"
        return self._method(f"def {name}", operation, answer, "return self._connection.follow(", {}, more=(last,), after=(given,))

    def _method(
        self,
        name: str,
        operation: Operation,
        answer: str,
        begun: str,
        fixed: dict[str, str],
        *,
        more: tuple[str, ...] = (),
        conditions: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
    ) -> str:
        """A method: `more` parameters by name, a query with `fixed` values, `conditions` of the call, arguments `after` it."""
        self._import(CALL, "Call")
        parameters, call = self._signature(operation, more)
        lines = [spread("    ", f"{name}(", parameters, f") -> {answer}:"), docstring("        ", operation.description)]
        query = [f'"{one.name}": {one.python}' for one in operation.query] + [f'"{key}": {value}' for key, value in fixed.items()]
        if query:
            lines.append(spread("        ", "query = {", query, "}"))
            call.append("query=query")
        made = f"Call({', '.join([*call, *conditions])})"
        single = f"        {begun}{', '.join([made, *after])})"
        if len(single) > 140:
            lines.append(spread("        ", "call = Call(", [*call, *conditions], ")"))
            single = f"        {begun}{', '.join(['call', *after])})"
        return "\n".join([*lines, single])

    def _signature(self, operation: Operation, more: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """The parameters, and the arguments of Call. The fields of a body are parameters, unless one has the name of another parameter."""
        by_place = ["self", *(f"{one.python}: {self.types.of(one.schema)}" for one in operation.in_path)]
        by_name = [*more]
        call = [f'"{operation.method}"', self._path(operation)]
        if isinstance(operation.body, Form):
            by_place.append(f"file: {self._import(CALL, 'File')}")
            by_name += map(self._optional, operation.body.fields)
            fields = ", ".join(f'"{one.name}": {one.python}' for one in operation.body.fields)
            call += [f'files={{"{operation.body.file}": file}}', f"form={{{fields}}}"]
        elif operation.body is not None and operation.body_schema is None:
            by_place.append("content: bytes")
            by_name.append(f'media_type: str = "{operation.body}"')
            call += ["content=content", "media_type=media_type"]
        by_name += map(self._optional, sorted(operation.query, key=lambda one: not one.required))
        by_name += self._conditions(operation, call)
        last = []
        if schema := operation.body_schema:
            written = self._import(self.sent(schema), schema)
            names = {one.partition(":")[0] for one in (*by_place, *by_name)}
            if names & self.schemas[schema].get("properties", {}).keys():
                by_place.append(f"body: {written}")
            else:
                last = [f"**body: {self._import('typing', 'Unpack')}[{written}]"]
            call.append("body=body")
        return [*by_place, *(["*"] if by_name else []), *by_name, *last], call

    def _optional(self, parameter: Parameter) -> str:
        written = self.types.of(parameter.schema)
        if parameter.required:
            return f"{parameter.python}: {written}"
        return f"{parameter.python}: {written if written.endswith('None') else f'{written} | None'} = None"

    def _conditions(self, operation: Operation, call: list[str]) -> list[str]:
        by_name = []
        if "If-Match" in operation.headers:
            by_name.append("if_match: str" if operation.headers["If-Match"] else "if_match: str | None = None")
            call.append("if_match=if_match")
        if "Idempotency-Key" in operation.headers:
            by_name.append("idempotency_key: str | None = None")
            call.append(f"key=idempotency_key or {self._import(CALL, 'new_key')}()")
        elif operation.method == "POST":
            call.append("writes=False")  # every POST that writes takes a key
        return by_name

    def _path(self, operation: Operation) -> str:
        path = operation.path
        for one in operation.in_path:
            path = path.replace(f"{{{one.name}}}", f"{{{self._import(CALL, 'segment')}({one.python})}}")
        return f'f"{path}"' if operation.in_path else f'"{path}"'
