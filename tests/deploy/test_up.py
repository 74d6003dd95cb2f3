"""`./aftersale up` as a newcomer has it: from nothing to a working system, bad days, a second time, and nothing left behind."""

import asyncio
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from deploy.operator.state import PROJECT, State, choose_port, is_free
from tests.deploy.conftest import made_home
from tests.deploy.test_private_servers import running_from

START_SECONDS = 300
STOP_SECONDS = 60
ORDER = {
    "currency": "BDT",
    "customer": {"id": "cust-ada", "name": "Ada Rahman"},
    "shipping_address": {"country_code": "BD", "name": "Ada", "street_address": "House 1, Road 2", "city": "Dhaka", "postal_code": "1205"},
    "lines": [{"sku": "MUG-1", "name": "Mug", "quantity": 2, "unit_price": 5000}],
}


class Clone:
    """A clone's state folder and the commands that are run on it."""

    def __init__(self, home: Path, tree: Path = PROJECT) -> None:
        self.home = home
        self.tree = tree
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AFTERSALE_") or name == "AFTERSALE_SERVERS"}
        self.environment = kept | {"AFTERSALE_HOME": str(home)}
        self.process: subprocess.Popen[str] | None = None
        self.urls: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def up(self, on_progress: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
        """Start it; what it says when everything is ready."""
        errors = (self.home / "up.err").open("a")
        self.process = subprocess.Popen(
            [str(self.tree / "aftersale"), "up", "--json"], env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True, cwd="/"
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said: dict[str, Any] = json.loads(line)
            on_progress(said.get("progress", ""))
            if "up" in said:
                self.urls, self.tokens = said["up"], said["tokens"]
                return said
            assert "error" not in said, said
        raise AssertionError(f"ended with {self.process.wait()}: {(self.home / 'up.err').read_text()}")

    def command(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """A command to its end: exit code and what it said."""
        done = subprocess.run(
            [str(self.tree / "aftersale"), *arguments, "--json"], env=self.environment, capture_output=True, text=True, check=False, cwd="/"
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def stop(self) -> float:
        """SIGTERM; how many seconds it took to exit 0."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=180)
        assert self.process.returncode == 0, out
        self.process = None
        return time.monotonic() - began


@pytest.fixture(scope="module")
def clone() -> Iterator[Clone]:
    made = Clone(made_home())
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()
    State(made.home).remove()


@contextmanager
def squatter() -> Iterator[tuple[int, Callable[[], None]]]:
    """A free port, and what makes a stranger listen on it who says that it is ready."""

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"ready": true, "instance": "somebody else"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    servers: list[http.server.HTTPServer] = []
    port = choose_port([], set(), is_free)

    def listen() -> None:
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", port), Stranger))
        threading.Thread(target=servers[0].serve_forever, daemon=True).start()

    yield port, listen
    assert servers, "nobody listened: the moment for it never came"
    servers[0].shutdown()
    servers[0].server_close()


def nobody_else_may_read(clone: Clone) -> None:
    """Logs, settings, customers' files: of all that stands in the clone's folder."""
    theirs = [path for path in (clone.home / "up").rglob("*") if path.stat().st_mode & 0o077 and not path.is_symlink()]
    assert [path for path in theirs if not path.is_relative_to(clone.home / "up" / "rabbitmq")] == []
    assert (clone.home / "up" / "services.log").stat().st_mode & 0o777 == 0o600
    for private in ("rabbitmq", "postgres"):
        assert (clone.home / "up" / private).stat().st_mode & 0o777 == 0o700


def call(url: str, token: str, body: Any = None) -> dict[str, Any]:
    """One HTTP call."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "the-first"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def wait_until(condition: Any, seconds: float = 180) -> None:
    """Until `condition()` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.timeout(1_800)
def test_up_from_nothing_through_bad_days_and_once_more(clone: Clone) -> None:
    assert clone.command("doctor")[0] == 1, "nothing runs yet, and it says so"
    with squatter() as (port, listen):
        State(clone.home / "up").hold().let_go()
        State(clone.home / "up").keep("ports", {"http_orders": str(port)})
        said = clone.up(on_progress=lambda line: listen() if line.startswith("starting orders") else None)
        assert not said["up"]["orders"].endswith(f":{port}"), "what a stranger answered was not taken for ours"
        assert State(clone.home / "up").read("running")["AFTERSALE_ORDERS_HTTP_PORT"] == said["up"]["orders"].rpartition(":")[2]
    nobody_else_may_read(clone)
    assert sorted(said["up"]) == ["documents", "notes", "orders", "refunds", "webhooks"]
    code, [found] = clone.command("address")
    assert (code, found) == (0, {"address": said["address"]})
    orders = said["address"]
    placed = call(f"{orders}/v1/orders", said["tokens"]["platform"], ORDER)
    assert placed["total"] == {"amount": 10000, "currency": "BDT", "decimal": "100.00"}
    assert call(f"{orders}/v1/orders/{placed['order_id']}", said["tokens"]["customer"])["number"] == placed["number"]

    code, [refusal] = clone.command("up")
    assert (code, refusal["error"]) == (1, f"Process {holder(clone)} already runs from this folder.")

    code, [found] = clone.command("doctor")
    assert code == 0, [check for check in found["checks"] if not check["ok"]]
    code, [listed] = clone.command("parked", "list")
    assert (code, listed) == (0, {"parked": [], "set_aside": []})
    code, [token] = clone.command("token", "staff", "--subject", "kim", "--read-only")
    assert code == 0
    assert call(f"{orders}/v1/orders/{placed['order_id']}", token["token"])["order_id"] == placed["order_id"]
    code, [shown] = clone.command("settings", "orders")
    secrets = {row["name"]: row["value"] for row in shown["settings"] if row["name"].endswith("_url")}
    assert secrets["database_url"].startswith("postgresql://***@127.0.0.1:")

    a_message_that_cannot_be_read_is_seen_and_can_be_tried_again(clone)

    os.kill(int((clone.home / "up" / "services.process").read_text().split()[0]), signal.SIGKILL)
    wait_until(lambda: not answers(orders))
    wait_until(lambda: all(answers(url) for url in said["up"].values()))

    policy = call(f"{said['up']['refunds']}/v1/refund-policy", said["tokens"]["staff"])
    code, told = clone.command("demo")
    assert code == 0, told[-1]
    assert call(f"{said['up']['refunds']}/v1/refund-policy", said["tokens"]["staff"]) == policy, "the demo has a store of its own"
    assert told[-1]["done"] is True
    assert {"order.placed.v1", "order.cancelled.v1", "refund.approved.v1", "document.issued.v1"} <= {line.get("event") for line in told}
    once_more_after_a_kill_9(clone, placed["order_id"])


def a_message_that_cannot_be_read_is_seen_and_can_be_tried_again(clone: Clone) -> None:
    """It is parked in each of its three readers; `parked` shows it and lets it be tried; nothing else is disturbed."""
    asyncio.run(publish_garbage(State(clone.home / "up").read("running")["AFTERSALE_ORDERS_AMQP_URL"]))

    def parked() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = clone.command("parked", "list")[1][0]["parked"]
        return rows

    wait_until(lambda: len(parked()) == 4)
    rows = parked()
    assert sorted(row["service"] for row in rows) == ["documents", "notes", "refunds", "webhooks"]
    assert {(row["state"], row["reason"]) for row in rows} == {("parked", "not_a_cloud_event")}
    code, [shown] = clone.command("parked", "show", rows[0]["parked_id"])
    assert (code, shown["body"]) == (0, "not an event")
    code, [retried] = clone.command("parked", "retry", rows[0]["parked_id"])
    assert (code, len(retried["retried"])) == (0, 1)
    wait_until(lambda: [row["attempts"] for row in parked() if row["parked_id"] == rows[0]["parked_id"]] == [2])
    code, [unknown] = clone.command("parked", "show", "00000000-0000-0000-0000-000000000000")
    assert (code, unknown["fix"]) == (1, "see `aftersale parked list`")
    code, [checked] = clone.command("doctor")
    assert (code, [check["what"] for check in checked["checks"] if not check["ok"]]) == (
        1,
        ["refunds parked", "notes parked", "documents parked", "webhooks parked"],
    )


async def publish_garbage(url: str) -> None:
    """As the order service might, if it were broken."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("aftersale.events", ensure=False)
        await exchange.publish(aio_pika.Message(b"not an event"), "order.placed.v1")


def once_more_after_a_kill_9(clone: Clone, order_id: str) -> None:
    """The data and the addresses are as before, what was left running is gone, and in the end nothing is."""
    assert clone.process is not None
    placed = call(f"{clone.urls['orders']}/v1/orders", clone.tokens["platform"], ORDER)  # the same key: the same order
    assert placed["order_id"] == order_id
    before = clone.urls
    clone.process.kill()
    clone.process.wait()
    assert answers(before["orders"]), "its children go on"

    clone.up()
    assert clone.urls == before
    found = call(f"{clone.urls['orders']}/v1/orders/{placed['order_id']}", clone.tokens["platform"])
    assert found["number"] == placed["number"]
    assert clone.stop() <= STOP_SECONDS
    assert running_from(clone.home) == []
    code, [refusal] = clone.command("demo")
    assert (code, refusal["error"]) == (1, "Nothing is running.")


def holder(clone: Clone) -> int:
    """The process that runs it (the launcher became it)."""
    assert clone.process is not None
    return clone.process.pid


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_clones_that_start_in_the_same_second_all_come_up() -> None:
    clones = [Clone(made_home()) for _ in range(3)]
    try:
        with ThreadPoolExecutor(len(clones)) as pool:
            said = list(pool.map(lambda clone: clone.up(), clones))
        urls = [url for one in said for url in one["up"].values()]
        assert len(set(urls)) == 4 * len(clones)
        for clone, one in zip(clones, said, strict=True):  # each answers for itself: its own database, its own keys
            assert call(f"{one['up']['orders']}/v1/orders", one["tokens"]["platform"], ORDER)["number"] == "1001"
            assert clone.stop() <= STOP_SECONDS
            assert running_from(clone.home) == []
    finally:
        for clone in clones:
            if clone.process is not None and clone.process.poll() is None:
                clone.stop()
            State(clone.home).remove()
