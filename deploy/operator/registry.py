"""The services: each has one folder below `services/` and one line here. Code that needs a list of services takes it from here.

A line holds only what must be known before a service is imported: most commands never import one, and the reconciler may be installed
with the audits but without the commands. Everything else is in the folder: `app.py` (SERVICE), `audit.py` (CHECKS), `migrations/`.
"""

import importlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shared.contracts.events import read_by

if TYPE_CHECKING:
    from shared.data.audit import Check
    from shared.process.service import Service


@dataclass(frozen=True, slots=True)
class Registered:
    """A service: its name (also its folder, schema, queue and environment prefix), and the default port of its API."""

    name: str
    port: int

    @property
    def reads(self) -> tuple[str, ...]:
        """The event types that it consumes."""
        return read_by(self.name)

    def service(self) -> "Service":
        """The service's composition root; calling this imports the whole service."""
        service: Service = importlib.import_module(f"services.{self.name}.app").SERVICE
        return service

    def audit(self) -> "tuple[Check, ...]":
        """The reconciler's checks of the service's schema; calling this imports neither its rules nor its commands."""
        return tuple(replace(check, service=self.name) for check in importlib.import_module(f"services.{self.name}.audit").CHECKS)


REGISTRY: Final = {
    one.name: one
    for one in (
        Registered("orders", 8001),
        Registered("refunds", 8002),
        Registered("notes", 8003),
        Registered("documents", 8004),
        Registered("webhooks", 8005),
    )
}
SERVICES: Final = tuple(REGISTRY)
READERS: Final = tuple(one.name for one in REGISTRY.values() if one.reads)
"""Services that consume events."""
