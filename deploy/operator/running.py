"""Finds the running system and its settings: from the environment, else from this clone's `up`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.operator.registry import REGISTRY, SERVICES
from deploy.operator.state import PROJECT, State, base_folder
from deploy.operator.trouble import Trouble

PORTS: Final = {one.name: one.port for one in REGISTRY.values()}
PUBLIC_PORT: Final = 8000
DEMO_STORE: Final = "demo"


def up_state(project: Path = PROJECT) -> State:
    """The state folder of this clone's `up`, locked or not."""
    return State(base_folder(project) / "up")


def forget(state: State) -> None:
    """Remove the record when `up` ends."""
    (state.folder / "running.json").unlink(missing_ok=True)


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether the environment itself names a system (as in containers), so that this clone's own is ignored."""
    return any(f"AFTERSALE_{name}DATABASE_URL" in environment for name in ("", *(f"{service.upper()}_" for service in SERVICES)))


def local_settings() -> dict[str, str]:
    """The settings of this clone's `up`; empty when it is not running, or when the environment names another system."""
    if is_configured(os.environ):
        return {}
    state = up_state()
    return state.read("running") if state.holder() is not None else {}


def apply() -> dict[str, str]:
    """Put the settings of the running system into this process's environment (existing variables win) and return all of them.

    Raises Trouble when no system is running.
    """
    local = local_settings()
    if not local and not is_configured(os.environ):
        raise Trouble("Nothing is running.", "run `make up` in another terminal, or set AFTERSALE_…_DATABASE_URL and AFTERSALE_…_AMQP_URL")
    for name, value in local.items():
        os.environ.setdefault(name, value)
    return {name: value for name, value in os.environ.items() if name.startswith("AFTERSALE_")}


def setting(service: str, name: str, default: str = "") -> str:
    """One setting of a service from the environment, as shared/process/settings.py reads it."""
    return os.environ.get(f"AFTERSALE_{service.upper()}_{name}") or os.environ.get(f"AFTERSALE_{name}") or default


def address(service: str) -> str:
    """The base URL of a service's API (AFTERSALE_<SERVICE>_API_URL if it is not on this machine)."""
    if url := setting(service, "API_URL"):
        return url.rstrip("/")
    return f"http://{setting(service, 'HTTP_HOST', '127.0.0.1')}:{setting(service, 'HTTP_PORT', str(PORTS[service]))}"


def one_address(service: str = SERVICES[0]) -> str:
    """The base URL under which all services are served by path: `public_url` where it is set, else this machine's own.

    `service` is the first of those that share the process, whose settings apply (shared/process/service.py).
    """
    if url := setting(service, "PUBLIC_URL"):
        return url
    return f"http://{setting(service, 'HTTP_HOST', '127.0.0.1')}:{setting(service, 'PUBLIC_PORT', str(PUBLIC_PORT))}"
