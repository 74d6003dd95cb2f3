"""Paths that carry ids which are not ours: a customer's id or a SKU may hold a slash, sent as %2F.

The server hands over the path with %2F already turned into a slash, which would end the id. These routes are matched against what was
really sent, so that one segment stays one segment.
"""

import re
from typing import Any
from urllib.parse import unquote

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

_ENCODED = re.compile("%2f", re.IGNORECASE)
_SLASH = "\udc2f"  # stands for a slash within a segment; no decoded path can hold a lone surrogate of its own


def path_of(scope: Scope) -> str:
    """The path of a call, in which a slash within a segment is a stand-in that `with_slashes` turns back."""
    sent = scope.get("raw_path")
    if sent is None or not _ENCODED.search(sent.decode("latin-1")):
        return str(scope["path"])
    return unquote(_ENCODED.sub(_SLASH, sent.decode("ascii", "replace").partition("?")[0]))


class ForeignIdRoute(APIRoute):
    """A route whose ids may hold slashes."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As every route, but with the slashes of ids in their segments."""
        path = path_of(scope)
        if path == scope["path"]:
            return super().matches(scope)
        match, found = super().matches({**scope, "path": path})
        if "path_params" in found:
            found["path_params"] = {name: _with_slashes(value) for name, value in found["path_params"].items()}
        return match, found


def _with_slashes(value: Any) -> Any:
    return value.replace(_SLASH, "/") if isinstance(value, str) else value
