"""Servers in containers, where a Docker engine answers: named volumes for `make up`, testcontainers for tests.

It is used through the `docker` command, so that contexts and logins apply and every step can be repeated by hand.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from deploy.local import processes
from deploy.local.servers import rabbitmq
from deploy.operator.state import State, clone_name
from deploy.operator.trouble import Trouble

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

POSTGRES_IMAGE = "postgres:17"
RABBITMQ_IMAGE = "rabbitmq:4-management"
PORTS = {"postgres": 5432, "rabbitmq": 5672}
API_PORT = 15672
IMAGES = {"postgres": POSTGRES_IMAGE, "rabbitmq": RABBITMQ_IMAGE}
VOLUMES = {"postgres": "/var/lib/postgresql/data", "rabbitmq": "/var/lib/rabbitmq"}
ARGUMENTS = {"postgres": ["-c", "max_connections=200"], "rabbitmq": []}
START_SECONDS = 120


def docker(
    *arguments: str, stdin: str | None = None, env: dict[str, str] | None = None, check: bool = True, timeout_seconds: float = 60
) -> str:
    """The output of `docker ARGUMENTS`. Raises Trouble when it fails and `check` is set."""
    environment = os.environ | (env or {})
    done = processes.run_as(None, ["docker", *arguments], env=environment, stdin=stdin, check=check, timeout_seconds=timeout_seconds)
    return done.stdout.strip() if done.returncode == 0 else ""


def engine() -> str | None:
    """The version of the Docker engine that answers on this machine; None if none does."""
    if shutil.which("docker") is None:
        return None
    endpoint = os.environ.get("DOCKER_HOST") or docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}", check=False)
    if not endpoint.startswith(("unix://", "npipe://")):
        return None  # a remote engine publishes its ports on the remote machine
    try:
        return docker("version", "--format", "{{.Server.Version}}", check=False, timeout_seconds=5) or None
    except Trouble:
        return None


def has_images(say: Callable[[str], None]) -> bool:
    """Whether both images are present or can be pulled."""
    for image in IMAGES.values():
        if docker("image", "inspect", "--format", "{{.Id}}", image, check=False):
            continue
        say(f"Docker: pulling {image}")
        try:
            docker("pull", "--quiet", image, timeout_seconds=600)
        except Trouble as trouble:
            say(f"Docker: {image} is not available ({trouble.what})")
            return False
    return True


def _runs(container: str) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", container, check=False) == "true"


def _wait_until_ready(server: str, container: str, port: int) -> None:
    """Wait until the server answers on the published port. Raises Trouble with the end of the container's log."""
    deadline = time.monotonic() + START_SECONDS
    while not _answers(server, container, port):
        if time.monotonic() > deadline or not _runs(container):
            logs = processes.run_as(None, ["docker", "logs", "--tail", "5", container], env=os.environ, check=False)
            words = processes.last_words(logs.stdout + logs.stderr)
            raise Trouble(f"The container of {server} did not start: {words}", f"read `docker logs {container}`")
        time.sleep(0.1)


def _answers(server: str, container: str, port: int) -> bool:
    if server == "rabbitmq":
        return rabbitmq.speaks_amqp(port)
    ready = ["docker", "exec", container, "pg_isready", "-h", "127.0.0.1", "-U", "postgres"]
    return processes.run_as(None, ready, env=os.environ, check=False).returncode == 0


IMPORT = """\
set -e
file=$(mktemp)
trap 'rm -f "$file"' EXIT
cat >"$file"
chmod 644 "$file"  # rabbitmqctl reads it as its own user; it holds only password hashes
rabbitmqctl --quiet import_definitions "$file"
"""


def _import_definitions(container: str, definitions: dict[str, Any]) -> None:
    """Import through a file: under `docker exec`, rabbitmqctl never sees the end of its standard input."""
    docker("exec", "-i", container, "sh", "-c", IMPORT, stdin=json.dumps(definitions))


class KeptContainers:
    """For `make up`: one container and one named volume per server and clone. Stopped with the runner, restarted with its data."""

    kind = "docker"

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.state = state
        self.say = say
        self.names = {server: f"aftersale-{clone_name(state.folder)}-{server}" for server in IMAGES}

    @property
    def postgres_url(self) -> str:
        """The administrator's URL of PostgreSQL."""
        return f"postgresql://postgres:{self.state.secret('postgres')}@127.0.0.1:{self.state.read('ports')['postgres']}/postgres"

    @property
    def amqp_url(self) -> str:
        """The administrator's URL of RabbitMQ."""
        return f"amqp://aftersale:{self.state.secret('rabbitmq')}@127.0.0.1:{self.state.read('ports')['rabbitmq']}/"

    @property
    def amqp_admin_api(self) -> str:
        """RabbitMQ's management API as its administrator."""
        return f"http://aftersale:{self.state.secret('rabbitmq')}@127.0.0.1:{self.state.read('ports')['rabbitmq_api']}"

    def start(self) -> None:
        """Start both and wait until they answer. Raises Trouble."""
        for server in IMAGES:
            self.state.secret(server)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._start, IMAGES))

    def import_definitions(self, definitions: dict[str, Any]) -> None:
        """Create or change users, rights, queues and bindings of the broker."""
        _import_definitions(self.names["rabbitmq"], definitions)

    def revive(self) -> list[str]:
        """Restart the servers that have died; return their names."""
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
        """Start a new container on the existing volume. The password is passed in the environment: anybody can list command lines."""
        name, image, port = self.names[server], IMAGES[server], self.state.port(server)
        if not docker("volume", "inspect", "--format", "{{.Name}}", name, check=False):
            self.say(f"Docker: creating the volume {name} for {image}")
        docker("rm", "--force", name, check=False)
        secrets = _secrets(self.state)[server]
        api = ["--publish", f"127.0.0.1:{self.state.port('rabbitmq_api')}:{API_PORT}"] if server == "rabbitmq" else []
        places = [*api, "--publish", f"127.0.0.1:{port}:{PORTS[server]}", "--volume", f"{name}:{VOLUMES[server]}"]
        labels = ["--name", name, "--hostname", server, "--label", "app=aftersale"]
        variables = [word for variable in secrets for word in ("-e", variable)]
        docker("run", "--detach", *labels, *places, *variables, image, *ARGUMENTS[server], env=secrets, timeout_seconds=300)
        _wait_until_ready(server, name, port)


def _secrets(state: State) -> dict[str, dict[str, str]]:
    return {
        "postgres": {"POSTGRES_PASSWORD": state.secret("postgres")},
        "rabbitmq": {"RABBITMQ_DEFAULT_USER": "aftersale", "RABBITMQ_DEFAULT_PASS": state.secret("rabbitmq")},
    }


class TestContainers:
    """For tests: fresh containers through testcontainers, removed with the run."""

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

    @property
    def amqp_admin_api(self) -> str:
        """RabbitMQ's management API as its administrator."""
        return f"http://aftersale:{self.state.secret('rabbitmq')}@{self._address('rabbitmq', API_PORT)}"

    def start(self) -> None:
        """Start both and wait until they answer."""
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415  (a tool of tests only)

        for server, image in IMAGES.items():
            port = self.state.port(server)  # fixed, so that a killed server comes back on the same port
            container = DockerContainer(image).with_bind_ports(PORTS[server], port).with_command(ARGUMENTS[server])
            if server == "rabbitmq":
                container = container.with_bind_ports(API_PORT, self.state.port("rabbitmq_api"))
            for name, value in _secrets(self.state)[server].items():
                container = container.with_env(name, value)
            self._containers[server] = container
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._start, self._containers))

    def import_definitions(self, definitions: dict[str, Any]) -> None:
        """Create or change users, rights, queues and bindings of the broker."""
        _import_definitions(str(self._containers["rabbitmq"].get_wrapped_container().id), definitions)

    def revive(self) -> list[str]:
        """Do nothing: a test that stops a server starts it again."""
        return []

    def kill(self, which: str) -> None:
        """SIGKILL one of the servers, for fault tests."""
        docker("kill", str(self._containers[which].get_wrapped_container().id))

    def start_again(self, which: str) -> None:
        """Restart a killed server on the same port with the same data."""
        container = str(self._containers[which].get_wrapped_container().id)
        docker("start", container)
        _wait_until_ready(which, container, int(self.state.read("ports")[which]))

    def stop(self) -> None:
        """Remove both with their data."""
        for container in self._containers.values():
            container.stop()
        self._containers = {}
        self.state.let_go()

    def _start(self, server: str) -> None:
        container = self._containers[server].start().get_wrapped_container().id
        _wait_until_ready(server, str(container), int(self.state.read("ports")[server]))

    def _address(self, server: str, port: int | None = None) -> str:
        container = self._containers[server]
        return f"{container.get_container_host_ip()}:{container.get_exposed_port(port or PORTS[server])}"
