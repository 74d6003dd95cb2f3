"""A private RabbitMQ node: the system package's real scripts, with all state in our folder and an epmd and ports of its own.

It calls the scripts in /usr/lib/rabbitmq/bin because those on the PATH switch to the user `rabbitmq` and its folders.
"""

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local import processes
from deploy.local.servers import packages
from deploy.operator import topology
from deploy.operator.state import State, is_free
from deploy.operator.trouble import Trouble
from deploy.operator.users import server_user

SCRIPTS = (Path("/usr/lib/rabbitmq/bin"), Path("/usr/local/opt/rabbitmq/sbin"), Path("/opt/homebrew/opt/rabbitmq/sbin"))
START_SECONDS = 180  # a start after a kill -9 under load took 20 s; several clones may be sharing the processors
EPMD_SECONDS = 30
PORTS = ("rabbitmq", "rabbitmq_nodes", "rabbitmq_control", "rabbitmq_api", "epmd")
PORTS_TRIED = 5
STOP_SECONDS = 12

CONFIGURATION = """\
listeners.tcp.default = 127.0.0.1:{port}
default_user = aftersale
default_pass = {password}
loopback_users = none
log.console = false
log.file.level = warning
# less memory: the quorum queues' shared log is rolled over at 32 MB instead of 512
raft.wal_max_size_bytes = 33554432
vm_memory_high_watermark.absolute = 768MiB
disk_free_limit.absolute = 200MB
collect_statistics_interval = 60000
# the management API makes users and queues for stores; nobody looks at its figures, which cost memory
management.tcp.ip = 127.0.0.1
management.tcp.port = {api_port}
management_agent.disable_metrics_collector = true
"""
# Two schedulers and small tables: a node for one machine needs neither a million processes nor a thread for every core.
VM_ARGUMENTS = "+P 65536 +t 1048576 +zdbbl 32000 +sbwt none +sbwtdcpu none +sbwtdio none +S 2:2 +SDcpu 1:1 +SDio 2 +A 2"


def find_scripts(say: Callable[[str], None]) -> Path:
    """The folder of RabbitMQ's real scripts. Installs the package first if needed and allowed; raises Trouble with the fix otherwise."""
    if found := installed():
        return found
    packages.install("rabbitmq-server", "RabbitMQ, the message broker that the services talk through", lambda: installed() is not None, say)
    if found := installed():
        return found
    raise Trouble(
        "rabbitmq-server was installed, but its scripts are not in /usr/lib/rabbitmq/bin.",
        "set AFTERSALE_AMQP_ADMIN_URL to a running RabbitMQ",
    )


def installed() -> Path | None:
    """The folder of RabbitMQ's real scripts, if it is installed."""
    return next((folder for folder in SCRIPTS if (folder / "rabbitmq-server").exists()), None)


def version_of(scripts: Path) -> tuple[int, ...]:
    """The version, read from file names of the package beside the scripts; () when it is unknown."""
    home = scripts.resolve().parent
    versions = [
        re.match(r"rabbit-(\d+(?:\.\d+)+)", path.name)
        for folder in (home / "plugins", *home.glob("lib/rabbitmq_server-*/plugins"))
        for path in folder.glob("rabbit-*")
    ]
    return max((tuple(int(part) for part in match[1].split(".")) for match in versions if match), default=())


class RabbitMQ:
    """A private node in `<state>/rabbitmq`."""

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.state = state
        self.say = say
        self.folder = state.folder / "rabbitmq"
        self.log = state.folder / "rabbitmq.log"
        self.user = server_user()
        self.port = 0
        self.process: processes.Process | None = None
        self.epmd: processes.Process | None = None

    @property
    def url(self) -> str:
        """The administrator's URL."""
        return f"amqp://aftersale:{self.state.secret('rabbitmq')}@127.0.0.1:{self.port}/"

    @property
    def admin_api(self) -> str:
        """The management API's URL as the administrator."""
        return f"http://aftersale:{self.state.secret('rabbitmq')}@127.0.0.1:{self.state.read('ports')['rabbitmq_api']}"

    def start(self) -> None:
        """Start the node and wait until it answers AMQP. Raises Trouble with the end of its log."""
        scripts = find_scripts(self.say)
        version = version_of(scripts)
        if version and version < topology.MIN_VERSION:
            raise Trouble(f"RabbitMQ {'.'.join(map(str, version))} is too old.", "install RabbitMQ 3.10 or newer")
        for name in ("rabbitmq", "epmd"):
            if left := processes.leftover(self.state.folder, name):
                left.stop(signal.SIGTERM, STOP_SECONDS)
        again = bool(self.port)  # the services know the port, so a restarted node must use the same one
        for tried in range(PORTS_TRIED):
            self._prepare(again=again)
            if self._run(scripts):
                return
            self.stop()
            lost = [port for name, port in self.state.read("ports").items() if name in PORTS and not is_free(int(port))]
            if again or tried == PORTS_TRIED - 1 or not lost:
                break
            self.say(f"port {', '.join(lost)} has been taken by another process: RabbitMQ uses a different one")
        raise Trouble(
            f"RabbitMQ did not start: {processes.last_words(self.log.read_text(errors='replace')[-3000:])}",
            f"read {self.log} and {self.folder}/log",
        )

    def _run(self, scripts: Path) -> bool:
        """Start the node; whether it now answers on its port."""
        self.epmd = processes.start(
            "epmd", [_tool("epmd"), "-address", "127.0.0.1", "-port", self.state.read("ports")["epmd"]],
            state=self.state.folder, log=self.log, user=self.user,
        )  # fmt: skip
        if not self._answers(int(self.state.read("ports")["epmd"]), self.epmd, EPMD_SECONDS, amqp=False):
            return False
        self.process = processes.start(
            "rabbitmq",
            [str(scripts / "rabbitmq-server")],
            state=self.state.folder,
            log=self.log,
            env=self.environment(),
            user=self.user,
            cwd=self.folder,
        )
        return self._answers(self.port, self.process, START_SECONDS)

    def stop(self) -> None:
        """Stop the node cleanly (SIGTERM closes connections and flushes its log), then our own epmd and no other."""
        if self.process:
            self.process.stop(signal.SIGTERM, STOP_SECONDS)
            self.process = None
        if self.epmd:
            self.epmd.stop(signal.SIGTERM, 2)
            self.epmd = None

    def import_definitions(self, definitions: dict[str, Any]) -> None:
        """Create or change users, rights, queues and bindings in the running node."""
        path = self.folder / "definitions.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(definitions))
        processes.give(self.user, path)
        self.control("import_definitions", str(path))
        path.unlink()

    def control(self, *arguments: str) -> str:
        """The output of `rabbitmqctl ARGUMENTS`. Raises Trouble when it fails."""
        scripts = find_scripts(self.say)
        return processes.run_as(
            self.user, [str(scripts / "rabbitmqctl"), "--quiet", *arguments], env=self.environment(), cwd=self.folder
        ).stdout

    def environment(self) -> dict[str, str]:
        """The environment that keeps the node within our folder and ports, regardless of /etc/rabbitmq."""
        ports = self.state.read("ports")
        control_port = int(ports["rabbitmq_control"])
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),  # for its .erlang.cookie
            "RUNNING_UNDER_SYSTEMD": "true",  # makes the script exec the node, so that the pid that we signal is the node's
            "RABBITMQ_NODENAME": "aftersale@localhost",  # its data is bound to this name; each clone has its own epmd
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": ports["rabbitmq"],
            "RABBITMQ_DIST_PORT": ports["rabbitmq_nodes"],
            "RABBITMQ_CTL_DIST_PORT_MIN": str(control_port),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(control_port + 20),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_MNESIA_DIR": str(self.folder / "data" / "node"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "config"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(self.folder / "feature_flags"),
            "RABBITMQ_SERVER_ERL_ARGS": VM_ARGUMENTS,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": ports["epmd"],
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _prepare(self, *, again: bool) -> None:
        """Create the folders and the configuration, and choose the ports."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        processes.give(self.user, self.folder)
        if not again:
            self.port = self.state.port("rabbitmq")
        for name in PORTS[1:]:
            self.state.port(name)
        cookie = self.folder / ".erlang.cookie"
        files = {
            "rabbitmq.conf": CONFIGURATION.format(
                port=self.port, api_port=self.state.read("ports")["rabbitmq_api"], password=self.state.secret("rabbitmq")
            ),
            "enabled_plugins": "[rabbitmq_management].\n",
            ".erlang.cookie": cookie.read_text() if cookie.exists() else self.state.secret("erlang_cookie"),
        }
        for name, text in files.items():
            path = self.folder / name
            path.touch(mode=0o600)
            if path.read_text() != text:
                path.write_text(text)
            processes.give(self.user, path)
        cookie.chmod(0o400)

    def _answers(self, port: int, process: processes.Process, seconds: float, *, amqp: bool = True) -> bool:
        """Whether the port takes connections (and, with `amqp`, speaks AMQP) within `seconds` and before `process` ends."""
        deadline = time.monotonic() + seconds
        while process.alive and time.monotonic() < deadline:
            if speaks_amqp(port) if amqp else packages.listens(port):
                return True
            time.sleep(0.05)
        return False


def speaks_amqp(port: int) -> bool:
    """Whether a broker on `port` of 127.0.0.1 answers a handshake with its first frame, as it does once it has started."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False


def _tool(name: str) -> str:
    found = shutil.which(name) or next((str(path) for path in Path("/usr/lib/erlang").glob(f"erts-*/bin/{name}")), None)
    if found is None:
        raise Trouble(f"Erlang's {name} is missing beside RabbitMQ.", "install the package erlang-base")
    return found
