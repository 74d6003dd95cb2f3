"""One address for several services: which of them answers which path.

A path belongs to the service that owns its first word after `/v1/`. A process of several services uses the table directly; it is also
written as a proxy's configuration (deploy/operator/generated.py). Paths that it does not name, such as health and metrics, are not public.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

API = "/v1/"
OF_ANY = ("/openapi.json", "/asyncapi.json", "/problems")
"""Paths that every API answers in the same way."""


@dataclass(frozen=True, slots=True)
class Table:
    """Services by the noun that their paths begin with."""

    owners: Mapping[str, str]

    @classmethod
    def of(cls, nouns: Iterable[tuple[str, Iterable[str]]]) -> "Table":
        """From each service's name and nouns. Raises ValueError where two services claim one noun."""
        owners: dict[str, str] = {}
        for service, own in nouns:
            for noun in own:
                if owners.setdefault(noun, service) != service:
                    raise ValueError(f"/v1/{noun} belongs to {owners[noun]} and cannot also belong to {service}")
        return cls(owners)

    @property
    def services(self) -> tuple[str, ...]:
        """Each service that owns a noun, once, in the order of the table."""
        return tuple(dict.fromkeys(self.owners.values()))

    def nouns_of(self, service: str) -> tuple[str, ...]:
        """The nouns that the paths of one service begin with."""
        return tuple(noun for noun, owner in self.owners.items() if owner == service)

    def owner(self, path: str) -> str | None:
        """The service that answers this decoded path; None if the path is not public."""
        if path.startswith(API):
            return self.owners.get(path[len(API) :].partition("/")[0])
        shared = any(path == one or path.startswith(f"{one}/") for one in OF_ANY)
        return next(iter(self.owners.values()), None) if shared else None


class Dispatch:
    """ASGI app that hands each call, as it was sent, to the front door of the service that owns its path."""

    def __init__(self, table: Table, doors: Mapping[str, ASGIApp], nowhere: ASGIApp) -> None:
        self._table = table
        self._doors = doors
        self._nowhere = nowhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the owner's front door, or `nowhere` for a path that no service owns."""
        if scope["type"] != "http":
            return
        owner = self._table.owner(scope["path"])
        await (self._nowhere if owner is None else self._doors[owner])(scope, receive, send)
