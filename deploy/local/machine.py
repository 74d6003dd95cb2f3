"""Checks what `make up` needs on this machine, whether or not anything runs: the first part of `aftersale doctor`."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator

from deploy.local.servers import docker, postgres, rabbitmq
from deploy.operator import running
from deploy.operator.answers import Check
from deploy.operator.state import PROJECT
from deploy.operator.trouble import Trouble

FREE_BYTES = 1_000_000_000
FONTS = PROJECT / "services" / "documents" / "rendering" / "fonts"
NEEDED_FONTS = {"NotoSans-Regular", "HindSiliguri-Regular", "NotoSansArabic-Regular"}


def look() -> Iterator[Check]:
    """Check this machine, whether or not anything runs."""
    yield Check("Python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or newer")
    lock, kept = PROJECT / "requirements.lock", PROJECT / ".venv" / "requirements.lock"
    fresh = kept.exists() and kept.read_bytes() == lock.read_bytes()
    yield Check(
        "Python packages", fresh, "as requirements.lock says" if fresh else "not what requirements.lock says", "deploy/bootstrap.sh"
    )
    if not running.is_configured(os.environ):
        yield _servers_to_be_had()
    free = shutil.disk_usage(PROJECT).free
    yield Check("Disk", free > FREE_BYTES, f"{free / 1e9:.1f} GB free", "free at least 1 GB: RabbitMQ stops taking messages below that")
    fonts = {path.stem for path in FONTS.glob("*.ttf")}
    missing = ", ".join(sorted(NEEDED_FONTS - fonts))
    fix = f"put them back into {FONTS.relative_to(PROJECT)}: they are in the repository"
    yield Check("Fonts", not missing, f"{missing} missing" if missing else "Latin, Bengali and Arabic", fix)


def _servers_to_be_had() -> Check:
    """Which servers `up` would use on this machine."""
    if version := docker.engine():
        return Check("Servers", True, f"a Docker engine answers ({version})")
    try:
        binaries = postgres.find_binaries()
        scripts = rabbitmq.installed()
    except Trouble as trouble:
        return Check("Servers", False, trouble.what, trouble.fix)
    if scripts is None:
        return Check("Servers", False, f"PostgreSQL {binaries.major}; no RabbitMQ", "`make up` installs rabbitmq-server where it may")
    version_found = ".".join(map(str, rabbitmq.version_of(scripts)))
    return Check("Servers", True, f"private: PostgreSQL {binaries.major}, RabbitMQ {version_found}")
