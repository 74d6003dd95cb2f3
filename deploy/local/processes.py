"""Server child processes: started as an unprivileged user, recorded, and stopped only by this module.

Each is recorded as `<state>/<name>.process` (pid and start time), so that after a kill -9 of the runner the next start finds
its own leftovers, and never mistakes an unrelated process with a reused pid for one of them.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.operator.trouble import Trouble
from deploy.operator.users import User

TOOL_SECONDS = 180.0
"""How long a server's tool may take: rabbitmqctl starts an Erlang machine, which took over 60 s beside four busy loops."""


def give(user: User | None, path: Path) -> None:
    """Make `user` the owner of `path`."""
    if user is not None:
        os.chown(path, user.uid, user.gid)


def run_as(
    user: User | None,
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout_seconds: float = TOOL_SECONDS,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a tool to completion as `user`. Raises Trouble with the end of its output when it fails and `check` is set."""
    uid, gid, groups = _identity(user)
    try:
        done = subprocess.run(  # noqa: S603  (a list of arguments, no shell)
            arguments, env=env, cwd=cwd or "/", input=stdin or "", capture_output=True, text=True, timeout=timeout_seconds, check=False,
            user=uid, group=gid, extra_groups=groups,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Trouble(f"{Path(arguments[0]).name} did not finish within {timeout_seconds:.0f} s.") from error
    if check and done.returncode != 0:
        raise Trouble(f"{Path(arguments[0]).name} failed: {last_words(done.stderr or done.stdout)}")
    return done


def _identity(user: User | None) -> tuple[int | None, int | None, list[int] | None]:
    return (None, None, None) if user is None else (user.uid, user.gid, [])


def last_words(text: str, lines: int = 4) -> str:
    """The end of an output, on one line."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:]) or "no output"


def started_at(pid: int) -> str | None:
    """When process `pid` started, as the system formats it; None when there is no such process (or only a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        ps = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
        asked = subprocess.run(ps, capture_output=True, text=True, check=False)  # noqa: S603  (a list of arguments, no shell)
        return asked.stdout.strip() or None
    return None if fields[0] in "ZX" else fields[19]


class Process:
    """A running server: started by this process, or left over from a run that died."""

    def __init__(self, record: Path, pid: int, popen: subprocess.Popen[bytes] | None = None) -> None:
        self.record = record
        self.pid = pid
        self._popen = popen
        self._started_at = started_at(pid)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        if self._popen is not None:
            return self._popen.poll() is None
        return self._started_at is not None and started_at(self.pid) == self._started_at

    def wait(self, seconds: float) -> bool:
        """Whether it ended within `seconds`."""
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self, polite: signal.Signals, seconds: float) -> None:
        """Send the signal `polite`; if the process still runs after `seconds`, SIGKILL its process group."""
        if self.alive:
            os.kill(self.pid, polite)
            if not self.wait(seconds):
                self.kill()
        self.record.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL the process group at once: for fault tests, and for a process that ignored a polite signal."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait(10)


def start(
    name: str,
    arguments: Sequence[str],
    *,
    state: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: User | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a server in a session of its own, so that Ctrl-C in the terminal reaches only the runner, and record it."""
    uid, gid, groups = _identity(user)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab") as out:
        popen = subprocess.Popen(  # noqa: S603  (a list of arguments, no shell)
            arguments, env=env, cwd=cwd or "/", stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True, user=uid, group=gid, extra_groups=groups, umask=0o077,
        )  # fmt: skip
    process = Process(state / f"{name}.process", popen.pid, popen)
    process.record.touch(mode=0o600)
    process.record.write_text(f"{popen.pid} {started_at(popen.pid)}")
    return process


def leftover(state: Path, name: str) -> Process | None:
    """The server `name` that a crashed run left behind in `state`, if it is still running."""
    record = state / f"{name}.process"
    try:
        pid, _, start_time = record.read_text().partition(" ")
    except FileNotFoundError:
        return None
    if not pid.isdigit() or started_at(int(pid)) != start_time:
        record.unlink(missing_ok=True)
        return None
    return Process(record, int(pid))


def stop_leftovers(state: Path) -> None:
    """Stop every server recorded in `state`, by force."""
    for record in sorted(state.glob("*.process")):
        if process := leftover(state, record.stem):
            process.stop(signal.SIGTERM, 0)
