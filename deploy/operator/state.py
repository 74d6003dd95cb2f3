"""A clone's state: one folder for each purpose, held by one process at a time. Ports and secrets are chosen once and stored there.

    <project>/.aftersale/up/            state of `make up`: its data stays
    <project>/.aftersale/test-<pid>/    state of one test run: deleted with it

If the servers must run as another user who cannot reach the project (a clone in /root), `.aftersale` is a link into
/var/lib/aftersale. AFTERSALE_HOME names another folder for all state.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from deploy.operator.trouble import Trouble
from deploy.operator.users import can_reach, server_user

Purpose = Literal["up", "test"]

PROJECT = Path(__file__).resolve().parents[2]
PORTS = range(20_000, 32_000)  # below the range that the system uses for outgoing connections
SHARED_ROOT = Path("/var/lib/aftersale")


def clone_name(project: Path) -> str:
    """A short name for this clone, unique to its folder, for containers, volumes and folders outside of it."""
    return hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:10]


def base_folder(project: Path, purpose: Purpose = "up") -> Path:
    """The folder that holds all state of a clone, reachable for the user that the servers run as.

    If that user cannot enter the project, a test run uses the system's folder for temporary files, as it leaves nothing behind.
    """
    if named := os.environ.get("AFTERSALE_HOME"):
        base = Path(named).expanduser().resolve()
        base.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
        return base
    base = project / ".aftersale"
    user = server_user()
    if not base.exists() and user is not None and not can_reach(user, project):
        if purpose == "test":
            base = Path(tempfile.gettempdir()) / f"aftersale-{clone_name(project)}"
            base.mkdir(mode=folder_mode(), exist_ok=True)
            if base.is_symlink() or base.stat().st_uid != os.geteuid():
                raise Trouble(f"{base} belongs to another user.", "remove it, or set AFTERSALE_HOME to a folder of yours")
            return base
        target = SHARED_ROOT / clone_name(project)
        target.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
        base.unlink(missing_ok=True)
        base.symlink_to(target)
    base.mkdir(mode=folder_mode(), exist_ok=True)
    return base.resolve()


def folder_mode() -> int:
    """The mode of a state folder: only we may list it, but a separate server user must be able to pass through to its own subfolder."""
    return 0o711 if server_user() is not None else 0o700


class State:
    """The folder of one purpose, held by one process at a time through a file lock that is released when its holder dies."""

    def __init__(self, folder: Path, *, temporary: bool = False) -> None:
        self.folder = folder
        self._temporary = temporary
        self._lock: int | None = None
        self._writing = threading.RLock()  # servers start in parallel and store their ports here
        self._reserved: dict[int, int] = {}  # by port: the open lock file that keeps other clones from taking it

    def hold(self) -> Self:
        """Lock the folder for this process. Raises Trouble naming the holder when another process has it."""
        try:
            self.folder.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise Trouble(
                f"{self.folder} belongs to another user.", "run as that user, or set AFTERSALE_HOME to a folder of yours"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode().strip() or "another process"
            os.close(lock)
            fix = f"use it (`./aftersale doctor`), or stop it with `kill {holder}`"
            raise Trouble(f"Process {holder} already runs from this folder.", fix) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock
        return self

    def let_go(self) -> None:
        """Release the folder; a temporary one is deleted with everything in it."""
        if self._lock is None:
            return
        if self._temporary:
            self.remove()
        for file in self._reserved.values():
            os.close(file)
        self._reserved = {}
        os.close(self._lock)
        self._lock = None

    def holder(self) -> int | None:
        """The pid of the process that holds the folder now, if any."""
        try:
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(lock, 32, 0) or b"0") or None
        finally:
            os.close(lock)
        return None

    def read(self, name: str) -> dict[str, str]:
        """The values stored under `name` (`ports`, `secrets`, `choice`, …); empty when there are none."""
        try:
            kept: dict[str, str] = json.loads((self.folder / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}
        return kept

    def keep(self, name: str, values: Mapping[str, str] | Sequence[Mapping[str, Any]]) -> None:
        """Atomically replace the values stored under `name`, readable only by the owner."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.json"
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(values, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def secret(self, name: str) -> str:
        """A password of 160 random bits, generated at first use and stored."""
        with self._writing:
            kept = self.read("secrets")
            if name not in kept:
                kept[name] = secrets.token_hex(20)
                self.keep("secrets", kept)
            return kept[name]

    def port(self, name: str, *, preferred: int | None = None) -> int:
        """A free port of 127.0.0.1: the stored one if it is still free, else `preferred` if free, else any; stored from then on.

        While we hold our folder, no other clone of this user takes the port. Other processes may take it before our server listens on
        it: the server then fails to start, and asking again returns another port.
        """
        with self._writing:
            kept = self.read("ports")
            wanted = [int(kept[name])] if name in kept else []
            if preferred is not None:
                wanted.append(preferred)
            taken = {int(port) for other, port in kept.items() if other != name}
            port = choose_port(wanted, taken, lambda port: is_free(port) and self._reserve(port))
            if kept.get(name) != str(port):
                self.keep("ports", kept | {name: str(port)})
            return port

    def _reserve(self, port: int) -> bool:
        """Reserve the port; False if another clone has. Without this, clones that start in the same second would choose the same port."""
        if port in self._reserved or self._lock is None:
            return True
        folder = Path(tempfile.gettempdir()) / f"aftersale-ports-{os.geteuid()}"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                return True  # the folder is another user's: do without a reservation; if the port is taken meanwhile, another is chosen
            file = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._reserved[port] = file
        return True

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def is_free(port: int) -> bool:
    """Whether `port` can be bound, both on 127.0.0.1 and on all addresses."""
    for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104  (only tests whether it is taken; nothing is served there)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def choose_port(wanted: list[int], taken: set[int], free: Callable[[int], bool]) -> int:
    """The first of `wanted` that is free, else a random free one; never one of `taken`."""
    for port in wanted:
        if port not in taken and free(port):
            return port
    for _ in range(1000):
        port = secrets.choice(PORTS)
        if port not in taken and free(port):
            return port
    raise Trouble(f"No free port between {PORTS.start} and {PORTS.stop}.", "stop something that listens there")
