"""What the first line of a call says about it: which route it names, which roles may call that, and how large its body may be.

A route declares this: `openapi_extra=SHOP_ONLY` for the roles, `max_body_size=` for a body above the small limit, `WITHOUT_KEY` for
a POST that writes nothing. The rest follows from its method and its parameters.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Any

from fastapi import FastAPI, params
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
WITHOUT_KEY = {"x-without-idempotency-key": True}  # `openapi_extra` of a POST that writes nothing, such as a preview
FOR_SHOP, KEYLESS, MANY = "x-shop-only", "x-without-idempotency-key", "x-many-values"
ROUTE = "aftersale.route"  # the scope's key for the path that the call's route was declared with
MANY_VALUES = {MANY: True}  # `openapi_extra` of a route that takes a list of items, of which other routes take one


SHOP_ONLY = {FOR_SHOP: True}  # `openapi_extra` of a route that refuses customers and guests before their body is read


@dataclass(frozen=True, slots=True)
class Way:
    """One route and method, as the front door sees it. If `max_body_bytes` is None, the small limit of the settings applies."""

    template: str
    pattern: Pattern[str]
    method: str
    needs_token: bool
    needs_key: bool
    json: bool
    stream: bool
    max_body_bytes: int | None
    shop_only: bool

    @property
    def safe(self) -> bool:
        """Whether calling it changes nothing."""
        return self.method in SAFE_METHODS


class Ways:
    """Every route of an app, found by method and path as the router would find it, without a body."""

    def __init__(self, ways: Iterable[Way]) -> None:
        self._literal: dict[str, dict[str, Way]] = defaultdict(dict)
        self._by_depth: dict[int, list[Way]] = defaultdict(list)
        self._deep: list[Way] = []  # with a parameter that may contain slashes, so of any depth
        for way in ways:
            if "{" not in way.template:
                self._literal[way.template].setdefault(way.method, way)
            elif ":path}" in way.template:
                self._deep.append(way)
            else:
                self._by_depth[way.template.count("/")].append(way)

    def at(self, path: str) -> dict[str, Way]:
        """The routes at this path, by method; empty if there is none.

        A fixed path takes precedence over one with an id: `PATCH /v1/orders/batch` does not edit an order with the id "batch".
        """
        literal = self._literal.get(path)
        if literal is not None:
            return literal
        found: dict[str, Way] = {}
        for way in (*self._by_depth.get(path.count("/"), ()), *self._deep):
            if way.method not in found and way.pattern.match(path):
                found[way.method] = way
        return found


def ways_of(app: FastAPI, authenticate: Callable[..., Any]) -> Ways:
    """The routes of `app`; those that depend on `authenticate` need a token."""
    return Ways(way for context in iter_route_contexts(app.routes) for way in _ways(context, authenticate))


def _ways(context: Any, authenticate: Callable[..., Any]) -> Iterable[Way]:
    extra: dict[str, Any] = getattr(context, "openapi_extra", None) or {}
    dependant = getattr(context, "dependant", None)
    field = getattr(context, "body_field", None)
    form = field is not None and isinstance(field.field_info, params.Form)
    answers: dict[Any, dict[str, Any]] = getattr(context, "responses", None) or {}
    for method in sorted(context.methods or ()):
        yield Way(
            template=context.path,
            pattern=compile_path(context.path)[0],
            method=method,
            needs_token=_depends(dependant.dependencies if dependant else (), authenticate),
            needs_key=method == "POST" and not extra.get(KEYLESS),
            json=field is not None and not form and field.field_info.annotation is not bytes,
            stream="text/event-stream" in answers.get(200, {}).get("content", {}),
            max_body_bytes=getattr(context, "max_body_size", None),
            shop_only=bool(extra.get(FOR_SHOP)),
        )


def _depends(dependencies: Sequence[Any], on: Callable[..., Any]) -> bool:
    return any(one.call is on or _depends(one.dependencies, on) for one in dependencies)
