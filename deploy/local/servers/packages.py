"""Installs a missing Debian package where this user may, and says so first."""

import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local import processes
from deploy.operator.trouble import Trouble


def may_install() -> list[str] | None:
    """The command prefix that gains root rights ([] if the caller is root); None where this user may not install packages."""
    if os.environ.get("AFTERSALE_INSTALL") == "no" or shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and processes.run_as(None, ["sudo", "-n", "true"], check=False).returncode == 0:
        return ["sudo", "-n"]
    return None


def install(package: str, purpose: str, there: Callable[[], bool], say: Callable[[str], None]) -> None:
    """Install `package` with apt-get, saying so first, unless `there` returns true; a service that the package starts is stopped again.

    Clones on one machine take turns, since another may be installing it right now. Raises Trouble where this user may not install.
    """
    lock = Path(tempfile.gettempdir()) / f"aftersale-install-{os.geteuid()}"
    with open(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not there():
            _install(package, purpose, say)


def _install(package: str, purpose: str, say: Callable[[str], None]) -> None:
    by = may_install()
    if by is None:
        raise Trouble(
            f"{package} is not installed ({purpose}), and this user may not install it.",
            f"`sudo apt-get install --no-install-recommends {package}`, or start Docker, "
            "or set AFTERSALE_POSTGRES_ADMIN_URL and AFTERSALE_AMQP_ADMIN_URL",
        )
    say(f"{package} is missing ({purpose}): installing it with apt-get")
    epmd_was_there = listens(4369)
    apt = [*by, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-o", "DPkg::Lock::Timeout=300"]
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    command = [*apt, "install", "-y", "-q", "--no-install-recommends", package]
    if processes.run_as(None, command, env=environment, timeout_seconds=600, check=False).returncode != 0:
        processes.run_as(None, [*apt, "update", "-q"], env=environment, timeout_seconds=300, check=False)
        processes.run_as(None, command, env=environment, timeout_seconds=600)
    if package == "rabbitmq-server":
        _stop_the_systems_own(by, epmd_was_there, say)


def _stop_the_systems_own(by: list[str], epmd_was_there: bool, say: Callable[[str], None]) -> None:
    """Stop and disable the node that the package starts on port 5672: we run a private node instead."""
    if Path("/run/systemd/system").is_dir():
        processes.run_as(None, [*by, "systemctl", "disable", "--now", "rabbitmq-server"], check=False)
        say("rabbitmq-server: the system's own node is switched off again (`systemctl enable --now rabbitmq-server` brings it back)")
    elif listens(5672):
        processes.run_as(None, [*by, "service", "rabbitmq-server", "stop"], check=False)
        say("rabbitmq-server: the system's own node is stopped again")
    deadline = time.monotonic() + 5
    while not epmd_was_there and listens(4369) and time.monotonic() < deadline:
        if processes.run_as(None, [*by, "epmd", "-kill"], check=False).returncode == 0:
            break
        time.sleep(0.2)


def listens(port: int) -> bool:
    """Whether anything listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
