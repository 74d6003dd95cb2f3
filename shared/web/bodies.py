"""Request bodies: read up to their limit, checked before any object is built from them, parsed once, in Rust, straight into the model.

FastAPI would load a body into Python objects, validate those, and build every error; a few megabytes of `[[],[],…]` or of unknown
fields blocked all services of a process for seconds. Here counting characters is enough to refuse a body with more values than any
call of its size needs, and pydantic parses the others directly from the bytes.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, params
from pydantic import TypeAdapter, ValidationError

from shared.contracts.errors import Invalid
from shared.web.problems import invalid_value
from shared.web.routes import MANY
from shared.web.segments import ForeignIdRoute

JSON_NUL = b"\\u0000"
MAX_CONTAINERS, MAX_FIELDS, MAX_VALUES = 20_000, 60_000, 100_000
"""What a body may hold: several times what an order of 2,000 lines holds, and tens of milliseconds of work to parse."""
BYTES_PER_CONTAINER, BYTES_PER_FIELD, BYTES_PER_VALUE = 48, 12, 4
"""A MANY_VALUES route may hold more, one for this many bytes: an order's shortest line has 50 bytes, 4 fields and one pair of braces."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Router(APIRouter):
    """A router whose routes read their bodies as described in this module."""

    def __init__(self, **more: Any) -> None:
        super().__init__(route_class=_Route, **more)


def weighed(body: bytes, *, many: bool = False) -> bytes:
    """Return the body. Raises Invalid `too_many_values` if it holds more values than any such call needs.

    Commas and colons inside strings count too; the limits leave room for strings that consist of nothing else.
    """
    size = len(body) if many else 0
    if (
        body.count(b"[") + body.count(b"{") > MAX_CONTAINERS + size // BYTES_PER_CONTAINER
        or body.count(b":") > MAX_FIELDS + size // BYTES_PER_FIELD
        or body.count(b",") > MAX_VALUES + size // BYTES_PER_VALUE
    ):
        raise Invalid("too_many_values", "The body has more lists, objects or fields than any such call needs.")
    return body


def crowded(value: Any, fields: int) -> bool:
    """Whether an object has more than `fields` fields and items at all depths together; stops counting there."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        fields -= len(inner)
        if fields < 0:
            return True
        waiting.extend(one for one in (inner.values() if isinstance(inner, dict) else inner) if isinstance(one, dict | list))
    return False


def parsed(model: TypeAdapter[Any], body: bytes, *, many: bool = False) -> Any:
    """Parse `body` into the model. Raises Invalid: `too_many_values`, `nul_character`, `invalid_json` (400), `invalid`."""
    if JSON_NUL in weighed(body, many=many):
        raise Invalid("nul_character", "Text may not contain the character U+0000.")
    try:
        return model.validate_json(body)
    except ValidationError as error:
        raise invalid_value(error) from None


class _Read(Request):
    """A request whose body was already read; `json()` returns the model, which FastAPI passes on unchanged."""

    def __init__(self, request: Request, body: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._body = body
        self._value = value

    async def json(self) -> Any:
        return self._value


class _Route(ForeignIdRoute):
    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        field = self.body_field
        if field is None or isinstance(field.field_info, params.Form):
            return handle
        if field.field_info.annotation is bytes:
            return _reading(handle)
        kind: Any = field.field_info.annotation
        for limit in field.field_info.metadata:
            kind = Annotated[kind, limit]
        return _reading(handle, TypeAdapter(kind), many=bool((self.openapi_extra or {}).get(MANY)))


def _reading(handle: Handler, model: TypeAdapter[Any] | None = None, *, many: bool = False) -> Handler:
    async def read(request: Request) -> Response:
        body = await request.body()
        value = parsed(model, body, many=many) if model is not None and body else None
        return await handle(_Read(request, body, value))

    return read
