"""Servers in containers, where a Docker engine answers: named volumes for `make up`, testcontainers for tests.

Spoken to through the `docker` command, so that its contexts and logins count and every step can be repeated by hand.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from deploy import processes
from deploy.places import PROJECT, State, clone_name
from deploy.trouble import Trouble

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

POSTGRES_IMAGE = "postgres:17"
RABBITMQ_IMAGE = "rabbitmq:4-management"
PORTS = {"postgres": 5432, "rabbitmq": 5672}
IMAGES = {"postgres": POSTGRES_IMAGE, "rabbitmq": RABBITMQ_IMAGE}
VOLUMES = {"postgres": "/var/lib/postgresql/data", "rabbitmq": "/var/lib/rabbitmq"}
READY = {
    "postgres": ["pg_isready", "-h", "127.0.0.1", "-U", "postgres"],
    "rabbitmq": ["rabbitmq-diagnostics", "-q", "check_port_connectivity"],
}
ARGUMENTS = {"postgres": ["-c", "max_connections=200"], "rabbitmq": []}
START_SECONDS = 120


def docker(
    *arguments: str, stdin: str | None = None, env: dict[str, str] | None = None, check: bool = True, timeout_seconds: float = 60
) -> str:
    """What `docker ARGUMENTS` says. Raises Trouble when it fails and `check` is set."""
    environment = os.environ | (env or {})
    done = processes.run_as(None, ["docker", *arguments], env=environment, stdin=stdin, check=check, timeout_seconds=timeout_seconds)
    return done.stdout.strip() if done.returncode == 0 else ""


def engine() -> str | None:
    """The version of a Docker engine on this machine that answers; None where there is none."""
    if shutil.which("docker") is None:
        return None
    endpoint = os.environ.get("DOCKER_HOST") or docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}", check=False)
    if not endpoint.startswith(("unix://", "npipe://")):
        return None  # an engine elsewhere publishes ports elsewhere
    try:
        return docker("version", "--format", "{{.Server.Version}}", check=False, timeout_seconds=5) or None
    except Trouble:
        return None


def has_images(say: Callable[[str], None]) -> bool:
    """Whether both images are there or can be had."""
    for image in IMAGES.values():
        if docker("image", "inspect", "--format", "{{.Id}}", image, check=False):
            continue
        say(f"Docker: pulling {image}")
        try:
            docker("pull", "--quiet", image, timeout_seconds=600)
        except Trouble as trouble:
            say(f"Docker: {image} is not to be had ({trouble.what})")
            return False
    return True


def _runs(container: str) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", container, check=False) == "true"


def _wait_until_ready(server: str, container: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while processes.run_as(None, ["docker", "exec", container, *READY[server]], env=os.environ, check=False).returncode != 0:
        if time.monotonic() > deadline or not _runs(container):
            logs = processes.run_as(None, ["docker", "logs", "--tail", "5", container], env=os.environ, check=False)
            words = processes.last_words(logs.stdout + logs.stderr)
            raise Trouble(f"The container of {server} did not start: {words}", f"read `docker logs {container}`")
        time.sleep(0.3)


class KeptContainers:
    """For `make up`: one container and one named volume per server and clone. Stopped with us, started again with its data."""

    kind = "docker"

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.state = state
        self.say = say
        self.names = {server: f"aftersale-{clone_name(PROJECT)}-{server}" for server in IMAGES}

    @property
    def postgres_url(self) -> str:
        """The administrator's URL of PostgreSQL."""
        return f"postgresql://postgres:{self.state.secret('postgres')}@127.0.0.1:{self.state.read('ports')['postgres']}/postgres"

    @property
    def amqp_url(self) -> str:
        """The administrator's URL of RabbitMQ."""
        return f"amqp://aftersale:{self.state.secret('rabbitmq')}@127.0.0.1:{self.state.read('ports')['rabbitmq']}/"

    def start(self) -> None:
        """Start both and wait until they answer. Raises Trouble."""
        for server in IMAGES:
            self.state.secret(server)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._start, IMAGES))

    def import_definitions(self, definitions: dict[str, Any]) -> bool:
        """Create or change users, rights, queues and bindings of the broker: always possible here."""
        docker("exec", "-i", self.names["rabbitmq"], "rabbitmqctl", "--quiet", "import_definitions", stdin=json.dumps(definitions))
        return True

    def revive(self) -> list[str]:
        """Start again what has died; its names."""
        dead = [server for server, name in self.names.items() if not _runs(name)]
        for server in dead:
            self.say(f"{server} has died: starting its container again")
            self._start(server)
        return dead

    def stop(self) -> None:
        """Stop both containers; they and their volumes stay."""
        docker("stop", "--time", "12", *self.names.values(), check=False)
        self.state.let_go()

    def _start(self, server: str) -> None:
        """A fresh container on the kept volume. The password goes in by environment, not on the command line that everybody may list."""
        name, image, port = self.names[server], IMAGES[server], self.state.port(server)
        if not docker("volume", "inspect", "--format", "{{.Name}}", name, check=False):
            self.say(f"Docker: creating the volume {name} for {image}")
        docker("rm", "--force", name, check=False)
        secrets = _secrets(self.state)[server]
        places = ["--publish", f"127.0.0.1:{port}:{PORTS[server]}", "--volume", f"{name}:{VOLUMES[server]}"]
        labels = ["--name", name, "--hostname", server, "--label", "app=aftersale"]
        variables = [word for variable in secrets for word in ("-e", variable)]
        docker("run", "--detach", *labels, *places, *variables, image, *ARGUMENTS[server], env=secrets, timeout_seconds=300)
        _wait_until_ready(server, name)


def _secrets(state: State) -> dict[str, dict[str, str]]:
    return {
        "postgres": {"POSTGRES_PASSWORD": state.secret("postgres")},
        "rabbitmq": {"RABBITMQ_DEFAULT_USER": "aftersale", "RABBITMQ_DEFAULT_PASS": state.secret("rabbitmq")},
    }


class TestContainers:
    """For tests: fresh containers through testcontainers, gone with the run."""

    kind = "docker"

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.state = state
        self.say = say
        self._containers: dict[str, DockerContainer] = {}

    @property
    def postgres_url(self) -> str:
        """The administrator's URL of PostgreSQL."""
        return f"postgresql://postgres:{self.state.secret('postgres')}@{self._address('postgres')}/postgres"

    @property
    def amqp_url(self) -> str:
        """The administrator's URL of RabbitMQ."""
        return f"amqp://aftersale:{self.state.secret('rabbitmq')}@{self._address('rabbitmq')}/"

    def start(self) -> None:
        """Start both and wait until they answer."""
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415  (a tool of tests only)
        from testcontainers.community.rabbitmq import RabbitMqContainer  # noqa: PLC0415  (as above: a tool of tests only)

        passwords = {server: self.state.secret(server) for server in IMAGES}
        self._containers = {
            "postgres": PostgresContainer(
                POSTGRES_IMAGE, username="postgres", password=passwords["postgres"], dbname="postgres", driver=None
            ),
            "rabbitmq": RabbitMqContainer(RABBITMQ_IMAGE, username="aftersale", password=passwords["rabbitmq"]),
        }
        for server, container in self._containers.items():  # a port of our choice, so that one that was killed comes back to it
            container.with_bind_ports(PORTS[server], self.state.port(server)).with_command(ARGUMENTS[server])
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda container: container.start(), self._containers.values()))

    def import_definitions(self, definitions: dict[str, Any]) -> bool:
        """Create or change users, rights, queues and bindings of the broker: always possible here."""
        container = self._containers["rabbitmq"].get_wrapped_container().id
        docker("exec", "-i", str(container), "rabbitmqctl", "--quiet", "import_definitions", stdin=json.dumps(definitions))
        return True

    def revive(self) -> list[str]:
        """Nothing: a test that stops one starts it again."""
        return []

    def kill(self, which: str) -> None:
        """SIGKILL one of them, as a bad day would."""
        docker("kill", str(self._containers[which].get_wrapped_container().id))

    def start_again(self, which: str) -> None:
        """Start one that was killed, on the same port with the same data."""
        container = str(self._containers[which].get_wrapped_container().id)
        docker("start", container)
        _wait_until_ready(which, container)

    def stop(self) -> None:
        """Remove both with their data."""
        for container in self._containers.values():
            container.stop()
        self._containers = {}
        self.state.let_go()

    def _address(self, server: str) -> str:
        container = self._containers[server]
        return f"{container.get_container_host_ip()}:{container.get_exposed_port(PORTS[server])}"
