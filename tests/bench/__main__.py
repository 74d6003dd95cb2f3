"""`make bench`: python -m tests.bench --out docs (bench.json, bench.svg, bench.md)"""

import asyncio
import json
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from deploy.local.places import hold_state
from deploy.local.servers import postgres
from deploy.local.servers.private import PrivateServers
from deploy.operator.provision import provision
from deploy.operator.registry import SERVICES
from deploy.operator.state import PROJECT
from tests.bench import events, machine, measures, picture, reference, webhooks
from tests.bench.generator import drive, request
from tests.bench.measures import Bench
from tests.bench.outcome import Outcome, to_json, to_markdown, to_terminal
from tests.bench.pages import pages
from tests.bench.restock import restocked
from tests.bench.system import cost, servers_cost
from tests.stack import new_stack

CLIENTS = (1, 8, 16, 32)
REST_SECONDS = 5.0
RESTOCKS = 100
REMITTANCES = 4
PARTS = ("refunds", "writes", "events", "webhooks", "pages")
"""In this order: what needs rest comes first, what leaves a million orders behind comes last. `--only` takes those that need no other."""
ALONE = ("writes", "webhooks", "pages")
REFUNDS_PER_SECOND = 300  # more than are asked for in a second: each can be asked for once


@dataclass(frozen=True)
class Plan:
    """What is measured, and how much of it."""

    seconds: float
    orders: int
    backlog: int
    deliveries: int
    feed: int
    parts: tuple[str, ...]


def main(
    *,
    seconds: Annotated[float, typer.Option(help="Length of each measure.")] = 5.0,
    many: Annotated[int, typer.Option(help="Orders in the large store.")] = 1_000_000,
    backlog: Annotated[int, typer.Option(help="Events that relay and workers are given.")] = 4_000,
    deliveries: Annotated[int, typer.Option(help="Deliveries in each backlog of a worker.")] = 5_000,
    feed: Annotated[int, typer.Option(help="Events in the feed that is read.")] = 1_000_000,
    only: Annotated[str, typer.Option(help=f"One of {', '.join(ALONE)}: measures nothing else, and writes no report.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for bench.json, bench.svg and bench.md.")] = None,
    anyway: Annotated[bool, typer.Option(help="Measure although the machine is busy; the figures are marked.")] = False,
) -> None:
    """Measure the services beside their limits. Refuses on a machine that is too busy to be believed."""
    if only not in ("", *ALONE) or (only and out is not None):
        raise typer.BadParameter(f"--only takes one of {', '.join(ALONE)}, without --out")
    plan = Plan(seconds, many, backlog, deliveries, feed, (only,) if only else PARTS)
    before = machine.look(Path(tempfile.gettempdir()))
    if (why := machine.doubts(before, before)) and not anyway:
        sys.exit("Not measured: " + "; ".join(why) + ". Wait for a quiet machine, or measure all the same with --anyway (ANYWAY=1).")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, we stop what we started
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {line}", flush=True)  # noqa: T201  (a command: this is its output)

    postgres.SETTINGS["track_commit_timestamp"] = "on"  # so that lags are told by the database's own clock, at both ends
    servers = PrivateServers(hold_state(PROJECT, "test"), say)
    with tempfile.TemporaryDirectory(prefix="aftersale-bench-") as folder:
        try:
            servers.start()
            outcome = asyncio.run(_measure(servers, Path(folder), before, plan, say))
        finally:
            servers.stop()
    outcome.after = machine.look(Path(tempfile.gettempdir()))
    to_terminal(outcome)
    if out is not None:
        (out / "bench.json").write_text(json.dumps(to_json(outcome), indent=1) + "\n")
        (out / "bench.svg").write_text(picture.svg(outcome))
        (out / "bench.md").write_text(to_markdown(outcome, "make bench"))


async def _measure(servers: PrivateServers, folder: Path, before: machine.Look, plan: Plan, say: measures.Say) -> Outcome:
    stack = await asyncio.to_thread(new_stack, servers, folder, "bench")
    plain = await asyncio.to_thread(provision, servers, f"{stack.name}_reference")
    plain_url = servers.postgres_url.rpartition("/")[0] + "/" + urlsplit(plain["AFTERSALE_ORDERS_DATABASE_URL"]).path[1:]
    await reference.set_up(plain_url)
    stack.settings["AFTERSALE_LOG_LEVEL"] = "warning"
    assert servers.postgres.process is not None
    outcome = Outcome(reference.pgbench()[1], before)
    bench = Bench(stack, {}, plain_url, "bench", folder, plan.seconds, say, postgres_pid=servers.postgres.process.pid)
    try:
        say("the load generator by itself")
        outcome.echo_per_second = await _echo(bench)
        if "refunds" in plan.parts:
            await _refunds(bench, outcome, await _whole_system(bench, servers, outcome, plan.seconds))
        if "writes" in plan.parts:
            await _writes(bench, outcome)
        if "events" in plan.parts:
            await _events(bench, outcome, plan.backlog)
        if "webhooks" in plan.parts:
            await _webhooks(bench, outcome, plan)
        if "pages" in plan.parts:
            await _pages(bench, outcome, plan.orders)
    finally:
        await asyncio.to_thread(stack.stop)
    return outcome


async def _whole_system(bench: Bench, servers: PrivateServers, outcome: Outcome, seconds: float) -> list[str]:
    """All services in one process, as `make up` runs them: memory at rest, and how soon an event takes effect.

    Leaves delivered orders behind; their ids.
    """
    process = bench.stack.run(*SERVICES, AFTERSALE_LOG_LEVEL="warning")
    try:
        await asyncio.to_thread(process.wait_until_ready)
        bench.urls, bench.service_pid = {service: [url] for service, url in process.urls.items()}, process.child.pid
        await asyncio.sleep(REST_SECONDS)
        bench.say("memory at rest")
        name = "orders, refunds, notes, documents"
        outcome.at_rest = [*servers_cost(servers), cost(name, process.child.pid)]
        bench.say("from commit to effect, at 100 orders a second")
        outcome.lag_rate, outcome.lags = await events.lags(bench, max(seconds * 2, 5.0))
        bench.say("from approval to the shelf")
        outcome.restock = await restocked(bench, RESTOCKS)
        outcome.after_load = [*servers_cost(servers), cost(name, process.child.pid)]
        await measures.first_order(bench)
        bench.say("delivered orders that refunds can be asked for")
        delivered = await measures.delivered(bench, int(bench.seconds * REFUNDS_PER_SECOND))
        await events.at_rest(bench)
    finally:
        await asyncio.to_thread(process.stop)
    return delivered


async def _refunds(bench: Bench, outcome: Outcome, delivered: list[str]) -> None:
    """One process of the refunds API with its relay, with nobody consuming."""
    process = bench.stack.run("refunds", roles=("api",), AFTERSALE_LOG_LEVEL="warning", AFTERSALE_DATABASE_POOL_SIZE="16")
    try:
        await asyncio.to_thread(process.wait_until_ready)
        bench.urls, bench.service_pid = {"refunds": [process.urls["refunds"]]}, process.child.pid
        bench.say("refunds, 16 clients")
        outcome.writes += await measures.refunds(bench, 16, delivered)
        await measures.drained(bench, "refunds")
    finally:
        await asyncio.to_thread(process.stop)


async def _writes(bench: Bench, outcome: Outcome) -> None:
    """One process of the orders API with its relay; nobody consumes meanwhile, as nobody does behind pgbench."""
    process = bench.stack.run("orders", roles=("api",), AFTERSALE_LOG_LEVEL="warning", AFTERSALE_DATABASE_POOL_SIZE="16")
    try:
        await asyncio.to_thread(process.wait_until_ready)
        bench.urls, bench.service_pid = {"orders": [process.urls["orders"]]}, process.child.pid
        if not bench.values:
            await measures.first_order(bench)
        placed = []
        for clients in CLIENTS:
            bench.say(f"placing, {clients} clients")
            placed.append(await measures.placing(bench, clients))
            await measures.drained(bench, "orders")
        bench.say("batches")
        batch = await measures.batches(bench, 2, placed[CLIENTS.index(16)].limit)
        await measures.drained(bench, "orders")
        bench.say("status changes")
        changed = await measures.changes(bench, 8)
        await measures.drained(bench, "orders")
        bench.say("a courier's remittance")
        outcome.writes = [*placed, batch, changed, await measures.remittances(bench, REMITTANCES), *outcome.writes]
        await measures.drained(bench, "orders")
    finally:
        await asyncio.to_thread(process.stop)


async def _events(bench: Bench, outcome: Outcome, backlog: int) -> None:
    bench.say("the broker by itself")
    published, taken = await reference.broker_limits(bench.stack.amqp_url, seconds=bench.seconds, body=bench.values["event"].encode())
    await events.emptied(bench)
    bench.say(f"a backlog of {backlog:,} events: relay, then each worker")
    await events.backlog(bench, backlog)
    outcome.rates = [await events.relayed(bench, backlog, published)]
    for reader in events.READERS:
        outcome.rates.append(await events.consumed(bench, reader, backlog, taken))
    bench.say("one worker and two, with waiting in each message")
    outcome.one_worker, outcome.two_workers = await events.second_worker(bench, 600)


async def _webhooks(bench: Bench, outcome: Outcome, plan: Plan) -> None:
    bench.say("from commit to received, at 100 events a second")
    outcome.received, body = await webhooks.received(bench, max(plan.seconds * 2, 5.0))
    bench.say(f"a worker with {plan.deliveries:,} deliveries to one endpoint, then to many")
    outcome.delivered = await webhooks.delivered(bench, body, plan.deliveries)
    bench.say(f"pages of a feed of {plan.feed:,} events")
    outcome.feed = await webhooks.feed_pages(bench, body, plan.feed)


async def _pages(bench: Bench, outcome: Outcome, many: int) -> None:
    process = bench.stack.run("orders", roles=("api",), AFTERSALE_LOG_LEVEL="warning")
    try:
        await asyncio.to_thread(process.wait_until_ready)
        bench.urls, bench.service_pid = {"orders": [process.urls["orders"]]}, process.child.pid
        for count in (1_000, many):
            bench.say(f"pages in a store of {count:,} orders")
            outcome.pages += await pages(bench, count)
    finally:
        await asyncio.to_thread(process.stop)


async def _echo(bench: Bench) -> float:
    """What the generator reaches against a server that answers at once with nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    calls = [[request(url, "POST", "/", "x" * 300, measures.order())] for _ in range(8)]
    figures = await drive([url], calls, seconds=2.0, folder=bench.folder)
    server.close()
    return round(figures.per_second, 1)


app = typer.Typer(pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    app()
