"""`aftersale run`: runs services in this process, as in production."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from uvicorn.loops.auto import auto_loop_factory

from deploy.operator import running
from deploy.operator.output import Output
from deploy.operator.registry import REGISTRY, SERVICES
from deploy.operator.state import choose_port, is_free
from deploy.operator.trouble import Trouble
from shared.process.readiness import Role
from shared.process.service import run as run_until_stopped


def run_services(names: Sequence[str], roles: Sequence[Role], port: int | None, output: Output) -> None:
    """Run until SIGTERM. Raises Trouble if a setting is missing or a port is taken."""
    os.umask(0o077)  # other users of this machine must not read what the services write (customers' files)
    _shut_files()
    if port is not None and len(names) > 1:
        raise Trouble("--port takes a single service.", "run the services separately, or set AFTERSALE_<SERVICE>_HTTP_PORT for each")
    asked = running.setting(names[0], "PUBLIC_PORT")
    local = running.local_settings()
    running.apply()
    for name in names:
        variable = f"AFTERSALE_{name.upper()}_HTTP_PORT"
        if port is not None:
            os.environ[variable] = str(port or choose_port([], set(), is_free))
        elif not running.setting(name, "HTTP_PORT"):
            os.environ[variable] = str(running.PORTS[name])
        elif local and not is_free(int(os.environ[variable])):
            os.environ[variable] = str(choose_port([], set(), is_free))  # a second port, beside the one of `up`
        output.progress(f"{name} ({' and '.join(roles)}) on {running.address(name)}")
    if len(names) > 1 and "api" in roles:
        if not asked:
            taken = {int(own) for name in names if (own := running.setting(name, "HTTP_PORT")).isdigit()}
            port = choose_port([running.PUBLIC_PORT], taken, is_free)
            if port != running.PUBLIC_PORT and not local:  # a proxy in front would still call the process that has it
                raise Trouble(f"Port {running.PUBLIC_PORT} is taken.", "set AFTERSALE_PUBLIC_PORT to a free port for all services")
            os.environ["AFTERSALE_PUBLIC_PORT"] = str(port)
        output.progress(f"all of them on {running.one_address(names[0])}")
    services = [REGISTRY[name].service() for name in names]
    try:
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            runner.run(run_until_stopped(services, roles))
    except ValueError as error:  # from pydantic: names the setting and what is accepted
        raise Trouble(f"A setting is missing or invalid: {error}", f"see `aftersale settings {names[0]}`") from error


def _shut_files() -> None:
    """Close an existing folder of customers' files to other users; group members keep their access."""
    for folder in {Path(running.setting(name, "FILES_DIR")) for name in SERVICES if running.setting(name, "FILES_DIR")}:
        if folder.is_dir() and folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o007:
            folder.chmod(folder.stat().st_mode & 0o770)
