"""`./aftersale up` as a newcomer has it: from nothing to a working system, bad days, a second time, and nothing left behind."""

import asyncio
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from deploy.places import PROJECT, State
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

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AFTERSALE_") or name == "AFTERSALE_SERVERS"}
        self.environment = kept | {"AFTERSALE_HOME": str(home)}
        self.process: subprocess.Popen[str] | None = None
        self.urls: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def up(self) -> dict[str, Any]:
        """Start it; what it says when everything is ready."""
        errors = (self.home / "up.err").open("a")
        self.process = subprocess.Popen(
            [str(PROJECT / "aftersale"), "up", "--json"], env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True, cwd="/"
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said: dict[str, Any] = json.loads(line)
            if "up" in said:
                self.urls, self.tokens = said["up"], said["tokens"]
                return said
            assert "error" not in said, said
        raise AssertionError(f"ended with {self.process.wait()}: {(self.home / 'up.err').read_text()}")

    def command(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """A command to its end: exit code and what it said."""
        done = subprocess.run(
            [str(PROJECT / "aftersale"), *arguments, "--json"], env=self.environment, capture_output=True, text=True, check=False, cwd="/"
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
    said = clone.up()
    assert sorted(said["up"]) == ["documents", "notes", "orders", "refunds"]
    orders = said["up"]["orders"]
    placed = call(f"{orders}/v1/orders", said["tokens"]["platform"], ORDER)
    assert placed["total"] == {"amount": 10000, "currency": "BDT", "decimal": "100.00"}
    assert call(f"{orders}/v1/orders/{placed['order_id']}", said["tokens"]["customer"])["number"] == placed["number"]

    code, [refusal] = clone.command("up")
    assert (code, refusal["error"]) == (1, f"It is already running from this folder (process {holder(clone)}).")

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

    code, told = clone.command("demo")
    assert code == 0, told[-1]
    assert told[-1]["done"] is True
    assert {"order.placed.v1", "order.cancelled.v1", "refund.approved.v1", "document.issued.v1"} <= {line.get("event") for line in told}
    once_more_after_a_kill_9(clone, placed["order_id"])


def a_message_that_cannot_be_read_is_seen_and_can_be_tried_again(clone: Clone) -> None:
    """It is parked in each of its three readers; `parked` shows it and lets it be tried; nothing else is disturbed."""
    asyncio.run(publish_garbage(State(clone.home / "up").read("running")["AFTERSALE_ORDERS_AMQP_URL"]))

    def parked() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = clone.command("parked", "list")[1][0]["parked"]
        return rows

    wait_until(lambda: len(parked()) == 3)
    rows = parked()
    assert sorted(row["service"] for row in rows) == ["documents", "notes", "refunds"]
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
        ["refunds parked", "notes parked", "documents parked"],
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
    assert (code, refusal["error"]) == (1, "Nothing runs here.")


def holder(clone: Clone) -> int:
    """The process that runs it (the launcher became it)."""
    assert clone.process is not None
    return clone.process.pid
