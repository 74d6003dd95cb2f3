"""`aftersale up`: starts the servers, provisions them, and runs all services in one process, and the operator of queues in another.

It watches them until Ctrl-C, then stops them.

This process stays small: work that needs the services' libraries (provisioning, tokens) runs in a short-lived child.
"""

import http.client
import json
import multiprocessing
import os
import secrets
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from rich.console import Console

from deploy.local import processes
from deploy.local.queue_child import QueueChild
from deploy.local.servers import resolve
from deploy.operator import running
from deploy.operator.given import Servers
from deploy.operator.output import Output
from deploy.operator.registry import SERVICES
from deploy.operator.state import PROJECT, is_free
from deploy.operator.trouble import Trouble

READY_SECONDS = 240  # 3 on an idle machine
PORTS_TRIED = 5
DEVELOPMENT = {"AFTERSALE_LOOPBACK_ENDPOINTS": "true"}
"""Settings that only `make up` has: webhooks may be sent to this machine, so that a receiver can be tried beside the services."""
PORTS = {"AFTERSALE_PUBLIC_PORT": ("all", running.PUBLIC_PORT)} | {
    f"AFTERSALE_{service.upper()}_HTTP_PORT": (service, port) for service, port in running.PORTS.items()
}
"""By the name of a port's setting: what it serves, and the port that is preferred if it is free."""
STOP_SECONDS = 12  # for the services; the operator of queues takes 2 at most and RabbitMQ 6, so that everything stops within 20
WATCH_SECONDS = 0.5
MAX_ANSWER_BYTES = 1_000_000
RESTART_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0)
SETTLED_SECONDS = 60  # after a child has run this long, the restart delay begins from the shortest again


class Stopped(BaseException):
    """SIGTERM, SIGINT or SIGHUP arrived."""


def run_up(output: Output) -> int:
    """Run everything until a signal; 0 when everything stopped cleanly. Raises Trouble when it cannot start."""
    began = time.monotonic()
    _on_signals(_stop)
    servers: Servers | None = None
    services: Services | None = None
    queues: QueueChild | None = None
    try:
        servers = resolve(PROJECT, "up", output.progress)
        output.progress(f"PostgreSQL and RabbitMQ are up ({servers.kind})")
        prepared = in_child(lambda: _prepare(servers, output))
        os.environ.update(prepared["settings"])
        services = Services(servers, output, prepared["settings"])
        services.start()
        services.wait_until_ready()
        queues = QueueChild(servers, output)
        queues.start()
        _welcome(prepared["tokens"], servers, time.monotonic() - began, output)
        while True:  # until a signal: start again whatever dies
            time.sleep(WATCH_SECONDS)
            servers.revive()
            services.check()
            queues.check()
    except Stopped:
        output.progress("stopping")
    finally:
        _on_signals(signal.SIG_IGN)  # ignore a second Ctrl-C: stopping is already as quick as it can be
        if queues is not None:
            queues.stop()
        if services is not None:
            services.stop()
        if servers is not None:
            running.forget(servers.state)
            servers.stop()
    output.result({"stopped": True}, lambda console: console.print("[green]✓[/green] all stopped; the data stays"))
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handler)


def _prepare(servers: Servers, output: Output) -> dict[str, Any]:
    """In the child: provision everything; return the settings, and tokens for the demo store."""
    from deploy.operator.provision import provision  # noqa: PLC0415  (must not stay in the runner's memory)
    from deploy.operator.tokens import SUBJECTS, local_token  # noqa: PLC0415  (as above: only the child needs it)
    from shared.contracts.actor import Actor  # noqa: PLC0415  (as above: only the child needs it)

    settings = provision(servers, say=output.progress)
    actors = [Actor(running.DEMO_STORE, role, SUBJECTS[role]) for role in ("platform", "staff", "customer")]
    tokens = {actor.role: local_token(servers.state, actor, 24 * 3600) for actor in actors}
    return {"settings": settings, "tokens": tokens}


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result of `work`, run in a forked child so that its memory is freed afterwards. Raises its Trouble."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(work, there))
    child.start()
    there.close()
    try:
        answer: dict[str, Any] = here.recv()
    except EOFError:
        raise Trouble(
            "Preparing the servers ended unexpectedly.", "run it again; if that does not help, run `./aftersale doctor`"
        ) from None
    finally:
        if sys.exc_info()[0] is not None:
            child.terminate()
        child.join()
    if "trouble" in answer:
        raise Trouble(answer["trouble"], answer["fix"])
    return answer


def _child(work: Callable[[], dict[str, Any]], answer: Any) -> None:
    _on_signals(signal.SIG_DFL)
    try:
        answer.send(work())
    except Trouble as error:
        answer.send({"trouble": error.what, "fix": error.fix})


@dataclass
class Services:
    """All services with both roles, in one child process."""

    servers: Servers
    output: Output
    settings: dict[str, str]
    instance: str = field(default_factory=lambda: f"up-{secrets.token_hex(8)}")
    process: processes.Process | None = None
    started_at: float = 0.0
    failures: int = 0

    def start(self) -> None:
        """Start the child on ports that are free at this moment; its output goes to services.log."""
        self._take_ports()
        arguments = [sys.executable, "-m", "deploy", "run", *SERVICES, "--role", "api", "--role", "worker"]
        self.process = processes.start(
            "services",
            arguments,
            state=self.servers.state.folder,
            log=self.servers.state.folder / "services.log",
            env=DEVELOPMENT | os.environ | {"AFTERSALE_INSTANCE": self.instance},
            cwd=PROJECT,
        )
        self.started_at = time.monotonic()

    def _take_ports(self) -> None:
        """Reuse the previous ports while they are free. Replace one that another process took, and record it for the other commands."""
        for name, (what, preferred) in PORTS.items():
            port = str(self.servers.state.port(f"http_{what}", preferred=preferred))
            if self.process is not None and self.settings.get(name) != port:
                self.output.warning(f"another process took port {self.settings.get(name)}: {what} is at http://127.0.0.1:{port} now")
            self.settings[name] = os.environ[name] = port
        self.servers.state.keep("running", self.settings)  # for the other commands

    def wait_until_ready(self) -> None:
        """Wait until every service of *our* child is ready: another process may have taken a port and answer there instead.

        Raises Trouble with the end of the log.
        """
        self.output.progress(f"starting {', '.join(SERVICES)}")
        deadline = time.monotonic() + READY_SECONDS
        waiting, tried = list(SERVICES), 1
        while waiting:
            died = self.process is not None and not self.process.alive
            if died and tried < PORTS_TRIED and any(not is_free(int(self.settings[name])) for name in PORTS):  # a stranger listens there
                tried += 1
                self.start()
                waiting = list(SERVICES)
            if self.process is None or not self.process.alive or time.monotonic() > deadline:
                raise Trouble(f"{waiting[0]} did not become ready: {self._last_words()}", f"read {self._log}")
            waiting = [service for service in waiting if not is_ready(service, self.instance)]
            time.sleep(0.05)

    def check(self) -> None:
        """Restart the child if it has died: at once the first time, then after longer and longer pauses."""
        if self.process is None or self.process.alive:
            return
        lived = time.monotonic() - self.started_at
        self.failures = 0 if lived > SETTLED_SECONDS else self.failures + 1
        pause = RESTART_SECONDS[min(self.failures, len(RESTART_SECONDS) - 1)]
        self.output.warning(f"the services have died ({self._last_words()}): starting them again in {pause:.0f} s")
        time.sleep(pause)
        self.start()

    def stop(self) -> None:
        """Send SIGTERM, on which streams end and calls and handlers finish; kill the child after 12 seconds."""
        if self.process is not None:
            self.process.stop(signal.SIGTERM, STOP_SECONDS)

    @property
    def _log(self) -> str:
        return str(self.servers.state.folder / "services.log")

    def _last_words(self) -> str:
        with open(self._log, errors="replace") as log:
            return processes.last_words(log.read()[-1500:], lines=2)


def is_ready(service: str, instance: str | None = None) -> bool:
    """Whether the service reports that it is ready, and (with `instance`) is the process of that name."""
    try:
        with urllib.request.urlopen(f"{running.address(service)}/health/ready", timeout=2) as answer:  # noqa: S310  (our own address)
            said = json.loads(answer.read(MAX_ANSWER_BYTES))
            return answer.status == 200 and (instance is None or said["instance"] == instance)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):  # another process on our port may answer anything
        return False


def _welcome(tokens: dict[str, str], servers: Servers, seconds: float, output: Output) -> None:
    address, urls = running.one_address(), {service: running.address(service) for service in SERVICES}
    answer = {
        "address": address,
        "up": urls,
        "servers": servers.kind,
        "seconds": round(seconds, 1),
        "store": running.DEMO_STORE,
        "tokens": tokens,
    }

    def render(console: Console) -> None:
        console.print(f"\n[bold green]Aftersale is up[/bold green] after {seconds:.1f} s. Data and logs: {servers.state.folder}\n")
        console.print(f"  [bold]{address}[/bold]   serves all of them; {address}/openapi.json describes them")
        console.print("  Webhooks may be sent to this machine too, by http and to any port: only `make up` allows that.\n")
        for service, url in urls.items():
            console.print(f"  {service:<10} {url}")
        console.print(f"\nTokens for the store [bold]{running.DEMO_STORE}[/bold], good for 24 hours (`./aftersale token` makes others):\n")
        for role, token in tokens.items():
            console.print(f"export {role.upper()}={token}")
        console.print("\nThen, in another terminal:\n")
        console.print(_curl(address), markup=False)
        console.print("\n[bold]./aftersale demo[/bold]   plays one order's life and shows every event.   Ctrl-C here stops everything.\n")

    output.result(answer, render)


def _curl(address: str) -> str:
    """A curl command that places an order, ready to paste."""
    order = {
        "currency": "BDT",
        "customer": {"id": "cust-ada", "name": "Ada Rahman"},
        "shipping_address": {
            "country_code": "BD",
            "name": "Ada Rahman",
            "street_address": "House 1, Road 2",
            "city": "Dhaka",
            "postal_code": "1205",
        },
        "lines": [{"sku": "MUG-1", "name": "Mug", "quantity": 2, "total": 10000}],
        "shipping": {"amount": 1000},
    }
    return (
        f'curl -s {address}/v1/orders -H "Authorization: Bearer $PLATFORM" -H "Idempotency-Key: first-order" \\\n'
        f"  -H 'Content-Type: application/json' -d '{json.dumps(order)}'"
    )
