"""Locks a clone's folder for `make up` or for a test run, and cleans up after a holder that died."""

import fcntl
import os
import secrets
import signal
from pathlib import Path

from deploy.local import processes
from deploy.operator.state import Purpose, State, base_folder, folder_mode

STOP_LEFT_SECONDS = 12


def shut(folder: Path) -> None:
    """Make logs and customers' files unreadable to other users: an earlier release, or somebody by hand, may have left them readable."""
    folder.chmod(folder_mode())
    ours = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    for top, folders, files in os.walk(folder / "files"):
        ours += [Path(top), *(Path(top, name) for name in (*folders, *files))]
    for path in ours:
        if path.lstat().st_mode & 0o077 and not path.is_symlink():
            path.chmod(path.lstat().st_mode & 0o700)


def hold_state(project: Path, purpose: Purpose) -> State:
    """The locked folder for `purpose`. Stops processes that a crashed run left behind, and removes the folders of crashed test runs."""
    base = base_folder(project, purpose)
    with open(base / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time, so that no process removes a folder that another is about to lock
        if purpose == "up":
            state = State(base / "up").hold()
            shut(state.folder)
            for name in ("services", "queues"):  # the services would occupy our ports
                if process := processes.leftover(state.folder, name):
                    process.stop(signal.SIGTERM, STOP_LEFT_SECONDS)
            return state
        for old in base.glob("test-*"):
            left = State(old)
            if left.holder() is None:
                processes.stop_leftovers(old)
                left.remove()
        return State(base / f"test-{os.getpid()}-{secrets.token_hex(2)}", temporary=True).hold()
