"""`aftersale up`: servers, everything in them, and all services in one process; watched until Ctrl-C, then stopped.

This process stays small: what needs the services' libraries (provisioning, tokens) happens in a child that ends.
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
from deploy.local.servers import resolve
from deploy.operator import running
from deploy.operator.given import Servers
from deploy.operator.output import Output
from deploy.operator.registry import SERVICES
from deploy.operator.state import PROJECT, is_free
from deploy.operator.trouble import Trouble

READY_SECONDS = 240  # 3 on a machine with nothing else to do
PORTS_TRIED = 5
PORTS = {"AFTERSALE_PUBLIC_PORT": ("all", running.PUBLIC_PORT)} | {
    f"AFTERSALE_{service.upper()}_HTTP_PORT": (service, port) for service, port in running.PORTS.items()
}
"""The setting of each port: whose it is, and which is taken if it is free."""
STOP_SECONDS = 12  # of the services; the servers take 2 more, so that all of it is within 20
WATCH_SECONDS = 0.5
MAX_ANSWER_BYTES = 1_000_000
RESTART_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0)
SETTLED_SECONDS = 60  # a child that ran as long starts its waits from the beginning


class Stopped(BaseException):
    """SIGTERM, SIGINT or SIGHUP arrived."""


def run_up(output: Output) -> int:
    """Run everything until a signal; 0 when all of it stopped cleanly. Raises Trouble when it cannot start."""
    began = time.monotonic()
    _on_signals(_stop)
    servers: Servers | None = None
    services: Services | None = None
    try:
        servers = resolve(PROJECT, "up", output.progress)
        output.progress(f"PostgreSQL and RabbitMQ are up ({servers.kind})")
        prepared = in_child(lambda: _prepare(servers, output))
        os.environ.update(prepared["settings"])
        services = Services(servers, output, prepared["settings"])
        services.start()
        services.wait_until_ready()
        _welcome(prepared["tokens"], servers, time.monotonic() - began, output)
        _watch(servers, services)
    except Stopped:
        output.progress("stopping")
    finally:
        _on_signals(signal.SIG_IGN)  # a second Ctrl-C changes nothing: stopping is already as quick as it can be
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
    """In the child: everything provisioned, its settings, tokens for the demo store."""
    from deploy.operator.provision import provision  # noqa: PLC0415  (must not stay in the runner's memory)
    from deploy.operator.tokens import SUBJECTS, local_token  # noqa: PLC0415  (as above: only the child needs it)
    from shared.contracts.actor import Actor  # noqa: PLC0415  (as above: only the child needs it)

    settings = provision(servers, say=output.progress)
    actors = [Actor(running.DEMO_STORE, role, SUBJECTS[role]) for role in ("platform", "staff", "customer")]
    tokens = {actor.role: local_token(servers.state, actor, 24 * 3600) for actor in actors}
    return {"settings": settings, "tokens": tokens}


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, done in a forked child so that its memory is given back. Raises its Trouble."""
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
    """All services in one child process, both roles."""

    servers: Servers
    output: Output
    settings: dict[str, str]
    instance: str = field(default_factory=lambda: f"up-{secrets.token_hex(8)}")
    process: processes.Process | None = None
    started_at: float = 0.0
    failures: int = 0

    def start(self) -> None:
        """Start the child on ports that are free just now; its output goes to services.log."""
        self._take_ports()
        arguments = [sys.executable, "-m", "deploy", "run", *SERVICES, "--role", "api", "--role", "worker"]
        self.process = processes.start(
            "services",
            arguments,
            state=self.servers.state.folder,
            log=self.servers.state.folder / "services.log",
            env=os.environ | {"AFTERSALE_INSTANCE": self.instance},
            cwd=PROJECT,
        )
        self.started_at = time.monotonic()

    def _take_ports(self) -> None:
        """Those of before while they are free; where one is taken by somebody else, another, and all commands find it."""
        for name, (what, preferred) in PORTS.items():
            port = str(self.servers.state.port(f"http_{what}", preferred=preferred))
            if self.process is not None and self.settings.get(name) != port:
                self.output.warning(f"port {self.settings.get(name)} was taken meanwhile: {what} is at http://127.0.0.1:{port} now")
            self.settings[name] = os.environ[name] = port
        running.keep(self.servers.state, self.settings)

    def wait_until_ready(self) -> None:
        """Until every service of *our* child says that it can do its work: anybody may answer on a port that they took from us.

        Raises Trouble with the last words of the log.
        """
        self.output.progress(f"starting {', '.join(SERVICES)}")
        deadline = time.monotonic() + READY_SECONDS
        waiting, tried = list(SERVICES), 1
        while waiting:
            if self.process is not None and not self.process.alive and tried < PORTS_TRIED and self._lost_a_port():
                tried += 1
                self.start()
                waiting = list(SERVICES)
            if self.process is None or not self.process.alive or time.monotonic() > deadline:
                raise Trouble(f"{waiting[0]} did not become ready: {self._last_words()}", f"read {self._log}")
            waiting = [service for service in waiting if not is_ready(service, self.instance)]
            time.sleep(0.05)

    def _lost_a_port(self) -> bool:
        """Whether somebody else listens where the child, which has ended, should have."""
        return any(not is_free(int(self.settings[name])) for name in PORTS)

    def check(self) -> None:
        """Start the child again when it has died, at once at first and slower if it goes on."""
        if self.process is None or self.process.alive:
            return
        lived = time.monotonic() - self.started_at
        self.failures = 0 if lived > SETTLED_SECONDS else self.failures + 1
        pause = RESTART_SECONDS[min(self.failures, len(RESTART_SECONDS) - 1)]
        self.output.warning(f"the services have died ({self._last_words()}): starting them again in {pause:.0f} s")
        time.sleep(pause)
        self.start()

    def stop(self) -> None:
        """SIGTERM: streams end, calls and handlers finish; by force after 12 seconds."""
        if self.process is not None:
            self.process.stop(signal.SIGTERM, STOP_SECONDS)

    @property
    def _log(self) -> str:
        return str(self.servers.state.folder / "services.log")

    def _last_words(self) -> str:
        with open(self._log, errors="replace") as log:
            return processes.last_words(log.read()[-1500:], lines=2)


def is_ready(service: str, instance: str | None = None) -> bool:
    """Whether the service answers that it can do its work, and (with `instance`) is the process of that name."""
    try:
        with urllib.request.urlopen(f"{running.address(service)}/health/ready", timeout=2) as answer:  # noqa: S310  (our own address)
            said = json.loads(answer.read(MAX_ANSWER_BYTES))
            return answer.status == 200 and (instance is None or said["instance"] == instance)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):  # whatever a stranger on our port may answer
        return False


def _watch(servers: Servers, services: Services) -> None:
    """Until a signal: start again whatever dies."""
    while True:
        time.sleep(WATCH_SECONDS)
        servers.revive()
        services.check()


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
        console.print(f"  [bold]{address}[/bold]   serves all of them; {address}/openapi.json describes them\n")
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
    """Placing an order, ready to paste."""
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
