"""Private servers of one clone: PostgreSQL and RabbitMQ on free ports of 127.0.0.1, started in parallel."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from deploy.local.servers import rabbitmq
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.rabbitmq import RabbitMQ
from deploy.operator.state import State

Which = Literal["postgres", "rabbitmq"]


class PrivateServers:
    """Both servers, running."""

    kind = "private"

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.state = state
        self.say = say
        self.postgres = Postgres(state, say)
        self.rabbitmq = RabbitMQ(state, say)

    @property
    def postgres_url(self) -> str:
        """The administrator's URL of PostgreSQL."""
        return self.postgres.url

    @property
    def amqp_url(self) -> str:
        """The administrator's URL of RabbitMQ."""
        return self.rabbitmq.url

    @property
    def amqp_admin_api(self) -> str:
        """RabbitMQ's management API as its administrator."""
        return self.rabbitmq.admin_api

    def start(self) -> None:
        """Start both in parallel; if one fails, the other is stopped again. Raises Trouble."""
        for name in ("postgres", "rabbitmq"):  # chosen before the threads start, which share one file
            self.state.secret(name)
            self.state.port(name)
        rabbitmq.find_scripts(self.say)
        try:
            self._both(lambda server: server.start())
        except BaseException:
            self.stop()
            raise

    def import_definitions(self, definitions: dict[str, Any]) -> None:
        """Create or change users, rights, queues and bindings of the broker."""
        self.rabbitmq.import_definitions(definitions)

    def kill(self, which: Which) -> None:
        """SIGKILL one of the servers, for fault tests."""
        process = getattr(self, which).process
        if process:
            process.kill()

    def start_again(self, which: Which) -> None:
        """Restart a killed server on the same port with the same data."""
        getattr(self, which).start()

    def revive(self) -> list[Which]:
        """Restart the servers that have died; return their names."""
        servers: tuple[Which, ...] = ("postgres", "rabbitmq")
        dead = [which for which in servers if (process := getattr(self, which).process) and not process.alive]
        for which in dead:
            self.say(f"{which} has died: starting it again")
            self.start_again(which)
        return dead

    def stop(self) -> None:
        """Stop both cleanly."""
        self._both(lambda server: server.stop())
        self.state.let_go()

    def _both(self, do: Callable[[Postgres | RabbitMQ], None]) -> None:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(do, self.postgres), pool.submit(do, self.rabbitmq)]:
                done.result()
