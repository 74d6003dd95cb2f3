"""The services: one folder below `services/` and one line here for each. Whoever needs a list of them reads it from here.

A line says only what must be known before a service is imported: most commands never import one, and the reconciler runs where there
are audits and no commands. Everything else is in the folder: `app.py` (SERVICE), `audit.py` (CHECKS), `migrations/`.
"""

import importlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shared.contracts.events import EVENTS

if TYPE_CHECKING:
    from shared.data.audit import Check
    from shared.process.service import Service


@dataclass(frozen=True, slots=True)
class Registered:
    """A service: its name (its folder, schema, queue and environment prefix), and the port that its API takes by default."""

    name: str
    port: int

    @property
    def reads(self) -> tuple[str, ...]:
        """The event types that it consumes."""
        return tuple(name for name, event in EVENTS.items() if self.name in event.readers)

    def service(self) -> "Service":
        """Its composition root; this imports all of it."""
        service: Service = importlib.import_module(f"services.{self.name}.app").SERVICE
        return service

    def audit(self) -> "tuple[Check, ...]":
        """What the reconciler checks in its schema; this imports neither its rules nor its commands."""
        return tuple(replace(check, service=self.name) for check in importlib.import_module(f"services.{self.name}.audit").CHECKS)


REGISTRY: Final = {
    one.name: one
    for one in (
        Registered("orders", 8001),
        Registered("refunds", 8002),
        Registered("notes", 8003),
        Registered("documents", 8004),
    )
}
SERVICES: Final = tuple(REGISTRY)
READERS: Final = tuple(one.name for one in REGISTRY.values() if one.reads)
"""Those that consume anything."""
