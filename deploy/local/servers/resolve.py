"""Decides where PostgreSQL and RabbitMQ come from. The first that applies:

1. existing servers, if the environment names them (AFTERSALE_POSTGRES_ADMIN_URL and AFTERSALE_AMQP_ADMIN_URL);
2. containers, if a Docker engine answers;
3. private instances on this machine, in a folder of the clone.

A clone's `make up` repeats its first choice, because its data is there. AFTERSALE_SERVERS=docker|private overrides the choice.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from deploy.local.places import hold_state
from deploy.local.servers import docker
from deploy.local.servers.private import PrivateServers
from deploy.operator import given
from deploy.operator.given import Servers
from deploy.operator.state import Purpose
from deploy.operator.trouble import Trouble

Kind = Literal["environment", "docker", "private"]


def resolve(home: Path, purpose: Purpose = "up", say: Callable[[str], None] = print) -> Servers:
    """Start (or find) the servers for the clone in `home`. Raises Trouble with the fix when there are none to be had."""
    state = hold_state(home, purpose)
    try:
        if named := given.given(state):
            return named
        kind = choose(
            os.environ.get("AFTERSALE_SERVERS", ""), state.read("choice").get("servers", ""), docker.engine, lambda: docker.has_images(say)
        )
        servers: PrivateServers | docker.KeptContainers | docker.TestContainers
        if kind == "private":
            servers = PrivateServers(state, say)
        else:
            servers = docker.KeptContainers(state, say) if purpose == "up" else docker.TestContainers(state, say)
        servers.start()
        state.keep("choice", {"servers": kind})
    except BaseException:
        state.let_go()
        raise
    return servers


def choose(asked: str, before: str, engine: Callable[[], str | None], has_images: Callable[[], bool]) -> Literal["docker", "private"]:
    """Docker or private: what was `asked` for, else what this clone used `before`, else Docker if it answers and has the images."""
    if asked not in ("", "docker", "private"):
        raise Trouble(f"AFTERSALE_SERVERS={asked} is not a valid value.", "set it to docker or private, or unset it")
    wanted = asked or before
    if wanted == "private":
        return "private"
    if engine() is not None and has_images():
        return "docker"
    if wanted == "docker":
        raise Trouble(
            "Docker does not answer (or lacks the images)" + (", and this clone's data is in its volumes." if not asked else "."),
            "start Docker, or set AFTERSALE_SERVERS=private to start afresh with private servers",
        )
    return "private"
