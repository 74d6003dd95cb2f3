"""The user that servers run as on this machine: never root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class User:
    """A user account of this machine."""

    name: str
    uid: int
    gid: int


def server_user() -> User | None:
    """`nobody` where the caller is root (PostgreSQL refuses root), else None: the caller."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_reach(user: User, path: Path) -> bool:
    """Whether `user` may enter every folder down to `path` (tested by the system, not computed from modes)."""
    test = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    done = subprocess.run(test, cwd="/", user=user.uid, group=user.gid, extra_groups=[], capture_output=True, check=False)  # noqa: S603  (no shell parses the path)
    return done.returncode == 0
