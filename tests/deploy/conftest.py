"""Folders that a server's unprivileged user may enter, and real servers of this folder's own."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import resolve
from deploy.local.servers.private import PrivateServers
from deploy.operator.given import Servers
from deploy.operator.state import State


def made_home() -> Path:
    """A fresh folder that everybody may enter."""
    home = Path(tempfile.mkdtemp(prefix="aftersale-deploy-"))
    home.chmod(0o755)
    return home


@pytest.fixture
def home() -> Iterator[Path]:
    """A clone's folder."""
    folder = made_home()
    yield folder
    State(folder).remove()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """What the resolver takes on this machine, whatever the environment names: so that the broker's users are ours to make."""
    folder = made_home()
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AFTERSALE_") and name != "AFTERSALE_SERVERS":
                patch.delenv(name)
        made = resolve(folder, "test", say=lambda line: None)
    yield made
    made.stop()
    State(folder).remove()


def private_servers(folder: Path) -> PrivateServers:
    """Private servers in `folder`, not started."""
    return PrivateServers(State(folder).hold(), say=lambda line: None)
