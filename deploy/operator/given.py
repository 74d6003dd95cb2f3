"""Servers that somebody else runs, named by URLs in the environment. We create what we need on them, and never stop them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deploy.operator.state import State
from deploy.operator.trouble import Trouble

POSTGRES = "AFTERSALE_POSTGRES_ADMIN_URL"
AMQP = "AFTERSALE_AMQP_ADMIN_URL"
AMQP_API = "AFTERSALE_AMQP_ADMIN_API"


class Servers(Protocol):
    """Running servers: the administrator's URLs, and who stops them."""

    kind: str
    state: State

    @property
    def postgres_url(self) -> str:
        """PostgreSQL as a role that may create databases and roles."""

    @property
    def amqp_url(self) -> str:
        """RabbitMQ as its administrator."""

    @property
    def amqp_admin_api(self) -> str:
        """RabbitMQ's management API as its administrator; empty where there is none, and then stores get no queues of their own."""

    def import_definitions(self, definitions: dict[str, Any]) -> None:
        """Create or change users, rights, queues and bindings, where more than AMQP is open to us."""

    def revive(self) -> Sequence[str]:
        """Restart the servers that have died; return their names."""

    def stop(self) -> None:
        """Stop what we started, and nothing else."""


@dataclass
class GivenServers:
    """PostgreSQL (a role that may create databases and roles) and RabbitMQ (a user that may do everything in its vhost)."""

    postgres_url: str
    amqp_url: str
    state: State
    amqp_admin_api: str = ""
    kind: str = field(default="environment", init=False)

    def import_definitions(self, definitions: dict[str, Any]) -> None:
        """Nothing: a URL gives no administration, so the topology is declared over AMQP instead."""

    def revive(self) -> list[str]:
        """Do nothing: these servers are not ours to start."""
        return []

    def stop(self) -> None:
        """Only release the clone's folder: these servers are not ours to stop."""
        self.state.let_go()


def given(state: State) -> GivenServers | None:
    """The servers that the environment names; None if it names none. Raises Trouble when it names only one of the two."""
    urls = {name: os.environ.get(name, "") for name in (POSTGRES, AMQP)}
    if not any(urls.values()):
        return None
    for name, url in urls.items():
        if not url:
            raise Trouble(f"{name} is not set, but the other one is.", f"set both {POSTGRES} and {AMQP}, or neither")
    return GivenServers(urls[POSTGRES], urls[AMQP], state, os.environ.get(AMQP_API, ""))
