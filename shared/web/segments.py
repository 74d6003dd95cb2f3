"""Paths with ids that others chose: a customer's id or a SKU may contain a slash, sent as %2F.

The server passes the path with %2F already decoded to a slash, which would end the id. These routes are matched against the path as it
was sent, so that one segment stays one segment.
"""

import re
from typing import Any
from urllib.parse import unquote

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

_ENCODED = re.compile("%2f", re.IGNORECASE)
_SLASH = "\udc2f"  # a placeholder for a slash within a segment; no decoded path contains a lone surrogate


def path_of(scope: Scope) -> str:
    """The path of a call, in which a slash within a segment is a placeholder that `_with_slashes` turns back."""
    sent = scope.get("raw_path")
    if sent is None or not _ENCODED.search(sent.decode("latin-1")):
        return str(scope["path"])
    return unquote(_ENCODED.sub(_SLASH, sent.decode("ascii", "replace").partition("?")[0]))


class ForeignIdRoute(APIRoute):
    """A route whose ids may contain slashes."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match like any route, but a slash in an id stays within its segment."""
        path = path_of(scope)
        if path == scope["path"]:
            return super().matches(scope)
        match, found = super().matches({**scope, "path": path})
        if "path_params" in found:
            found["path_params"] = {name: _with_slashes(value) for name, value in found["path_params"].items()}
        return match, found


def _with_slashes(value: Any) -> Any:
    return value.replace(_SLASH, "/") if isinstance(value, str) else value
