"""The running system that tests call: real servers, the services in separate processes, and its own database and namespace.

One stack serves a whole test run (and every xdist worker); each test takes a fresh store, so that tests do not interfere. Tests that
kill processes start a separate stack.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

import aio_pika
import asyncpg

from deploy.operator import registry, topology
from deploy.operator.given import Servers
from deploy.operator.provision import declare, provision
from deploy.operator.redrive import Wanted, redrive
from shared.messaging.broker import dead_queue_name, exchange_name, queue_name
from shared.web.keys import SigningKey

PROJECT = Path(__file__).resolve().parent.parent
SERVICES = tuple(os.environ.get("AFTERSALE_TEST_SERVICES", " ".join(registry.SERVICES)).split())
VARIABLE = "AFTERSALE_TEST_STACK"
READY_SECONDS = 400.0
STOP_SECONDS = 90.0


@dataclass
class Stack:
    """Where the running system is, as plain data that reaches other test processes through the environment."""

    name: str
    settings: dict[str, str]
    urls: dict[str, str]
    postgres_url: str
    amqp_url: str
    log: str
    amqp_admin_api: str = ""
    address: str = ""
    """The address that serves all services by path."""
    tree: str = str(PROJECT)
    """The source tree that its services run from; a different one if a guard was removed from it."""
    processes: list["Process"] = field(default_factory=list)

    @classmethod
    def known(cls) -> "Stack":
        """The stack that this run's controller started."""
        return cls(**json.loads(os.environ[VARIABLE]))

    def tell(self) -> None:
        """Make it known to xdist workers and child processes."""
        os.environ[VARIABLE] = json.dumps(asdict(replace(self, processes=[])))

    def database_url(self, service: str) -> str:
        """A service's database as its own role."""
        return self.settings[f"AFTERSALE_{service.upper()}_DATABASE_URL"]

    @property
    def secret(self) -> str:
        """The secret that test tokens are signed with."""
        [key] = json.loads(Path(self.settings["AFTERSALE_KEYS_FILE"]).read_text())
        secret = SigningKey.model_validate(key).secret
        assert secret is not None
        return secret.get_secret_value()

    def run(self, *services: str, roles: Sequence[str] = ("api", "worker"), ports: dict[str, int] | None = None, **extra: str) -> "Process":
        """Start a process with these services; `extra` settings take precedence. Wait with Process.wait_until_ready()."""
        ports = ports if ports is not None else {service: free_port() for service in services}
        environment = {**os.environ, **self.settings, "AFTERSALE_LOG_LEVEL": "info", "PYTHONUNBUFFERED": "1", **extra}
        public = environment.setdefault("AFTERSALE_PUBLIC_PORT", str(free_port()))
        for service, port in ports.items():
            environment[f"AFTERSALE_{service.upper()}_HTTP_PORT"] = str(port)
        command = [sys.executable, "-m", "deploy", "run", *services, *(word for role in roles for word in ("--role", role))]
        with open(self.log, "ab") as log:
            child = subprocess.Popen(command, cwd=self.tree, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        urls = {service: f"http://127.0.0.1:{port}" for service, port in ports.items()}
        process = Process(child, urls, self.log, f"http://127.0.0.1:{public}")
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """Stop every process, then delete the database, the roles and the queues."""
        for process in self.processes:
            process.stop()
        asyncio.run(self._drop())

    async def _drop(self) -> None:
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            admin = await asyncpg.connect(self.postgres_url, timeout=60)
            await admin.execute(f'drop database if exists "{self.name}" with (force)')
            for service in registry.SERVICES:
                await admin.execute(f'drop role if exists "{topology.user_name(self.name, service)}"')
            await admin.close()
        with contextlib.suppress(OSError, aio_pika.exceptions.AMQPError):
            broker = await aio_pika.connect(self.amqp_url, timeout=60)
            channel = await broker.channel()
            for queue in (*(queue_name(self.name, service) for service in SERVICES), dead_queue_name(self.name)):
                await channel.queue_delete(queue)
            await channel.exchange_delete(exchange_name(self.name))
            await broker.close()


@dataclass
class Process:
    """One running process of one or more services."""

    child: subprocess.Popen[bytes]
    urls: dict[str, str]
    log: str
    address: str
    """The address that serves all of its services, if there are several."""

    def wait_until_ready(self) -> "Process":
        """Wait until every service in it is ready. Raises AssertionError with the end of the log if that takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        for url in self.urls.values():
            while not _answers(f"{url}/health/ready"):
                if self.child.poll() is not None or time.monotonic() > deadline:
                    tail = Path(self.log).read_text(errors="replace")[-4000:]
                    raise AssertionError(f"not ready (exit code {self.child.poll()}):\n{tail}")
                time.sleep(0.05)
        return self

    def kill(self) -> None:
        """Kill it with SIGKILL, like a crash."""
        self.child.kill()
        self.child.wait()

    def stop(self) -> int:
        """Stop it with SIGTERM, like a rollout; returns the exit code. The process may already have ended."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        return int(self.child.returncode)


async def redriven(amqp_url: str, postgres_url: str, name: str) -> int:
    """As the administrator, declare missing queues and mark every event that a reader missed as unsent; returns how many."""
    urls = dict.fromkeys(registry.SERVICES, urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}")))
    return (await redrive(urls, Wanted(), lambda: declare(amqp_url, name))).total()


def new_stack(servers: Servers, folder: Path, prefix: str = "test") -> Stack:
    """A provisioned database and namespace on `servers`, with nothing running yet."""
    name = f"{prefix}_{uuid.uuid4().hex[:8]}"
    settings = provision(servers, name) | {
        "AFTERSALE_FILES_DIR": str(folder / name / "files"), "AFTERSALE_LOOPBACK_ENDPOINTS": "true",
        "AFTERSALE_FONT_FOLDERS": str(folder / name / "fonts"),  # made by the test that puts a font there
    }  # fmt: skip
    return Stack(name, settings, {}, servers.postgres_url, servers.amqp_url, str(folder / f"{name}.log"), servers.amqp_admin_api)


def free_port() -> int:
    """A port that nobody is listening on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except (HTTPError, URLError, OSError):
        return False
