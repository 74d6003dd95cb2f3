"""The operator of queues as a child process of `aftersale up`, which alone is given the administrator's URL of RabbitMQ."""

import os
import signal
import sys
import time
from dataclasses import dataclass

from deploy.local import processes
from deploy.operator import given
from deploy.operator.given import Servers
from deploy.operator.output import Output
from deploy.operator.state import PROJECT

NAME = "queues"
STOP_SECONDS = 2
RESTART_SECONDS = 5.0
"""The shortest time between two starts of one that keeps dying."""


@dataclass
class QueueChild:
    """The child; there is none where the servers have no management API."""

    servers: Servers
    output: Output
    process: processes.Process | None = None
    started_at: float = 0.0

    def start(self) -> None:
        """Start it; its output goes to queues.log."""
        if self.servers.amqp_admin_api:
            folder = self.servers.state.folder
            environment = os.environ | {given.AMQP_API: self.servers.amqp_admin_api}
            command = [sys.executable, "-m", "deploy", "run-queues"]
            self.process = processes.start(NAME, command, state=folder, log=folder / "queues.log", env=environment, cwd=PROJECT)
            self.started_at = time.monotonic()

    def check(self) -> None:
        """Restart it if it has died."""
        if self.process is None or self.process.alive or time.monotonic() - self.started_at < RESTART_SECONDS:
            return
        self.output.warning(f"the operator of queues has died: starting it again; see {self.servers.state.folder / 'queues.log'}")
        self.start()

    def stop(self) -> None:
        """Stop it; orders that it has not carried out wait as rows."""
        if self.process is not None:
            self.process.stop(signal.SIGTERM, STOP_SECONDS)
