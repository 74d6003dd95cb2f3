"""The operator's tools through PgBouncer, in both of its modes that matter: no startup parameter, no prepared statement in the way."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.local import processes
from deploy.local.servers import packages
from deploy.operator.users import server_user
from tests.services.conftest import place
from tests.shop import PATIENCE_SECONDS, eventually
from tests.stack import PROJECT, SERVICES, Stack, free_port

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

ORDERS = 12


@contextmanager
def pgbouncer(stack: Stack, mode: str) -> Iterator[dict[str, str]]:
    """A pooler with two server connections for each service (a snapshot, and a question beside it); the settings that lead through it."""
    packages.install("pgbouncer", "the pooler that this test is about", Path("/usr/sbin/pgbouncer").exists, print)
    folder = Path(tempfile.mkdtemp(prefix="aftersale-pgbouncer-"))
    folder.chmod(0o755)
    urls = {service: urlsplit(stack.database_url(service)) for service in SERVICES}
    server, port = urls["orders"], free_port()
    (folder / "users").write_text("".join(f'"{url.username}" "{url.password}"\n' for url in urls.values()))
    (folder / "ini").write_text(
        f"[databases]\n* = host={server.hostname} port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = {mode}\ndefault_pool_size = 2\n"
        "unix_socket_dir =\n"
    )
    user = server_user()
    processes.give(user, folder / "users")
    child = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", str(folder / "ini")], user=user.uid if user else None)
    try:
        yield {
            "AFTERSALE_DATABASE_STATEMENT_CACHE": "0",
            **{
                f"AFTERSALE_{service.upper()}_DATABASE_URL": urlunsplit(
                    url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{port}")
                )
                for service, url in urls.items()
            },
        }
    finally:
        child.terminate()
        child.wait()
        shutil.rmtree(folder)


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_every_tool_works(alone: Stack, mode: str) -> None:
    api = await asyncio.to_thread(alone.run("orders", roles=("api",), ports=None, AFTERSALE_LOG_LEVEL="warning").wait_until_ready)
    await place(alone, [api.urls["orders"]], ORDERS)
    connection = await asyncpg.connect(alone.postgres_url, database=alone.name)

    async def all_sent() -> bool:
        return bool(await connection.fetchval("select count(*) = 0 from orders.events where published_at is null"))

    await eventually(all_sent, PATIENCE_SECONDS)
    await connection.close()
    with pgbouncer(alone, mode) as through:

        def aftersale(*words: str) -> tuple[int, dict[str, object]]:
            environment = {**os.environ, **alone.settings, **through}
            command = [sys.executable, "-m", "deploy", *words, "--json"]
            done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=100)
            return done.returncode, json.loads(done.stdout.splitlines()[-1])

        for _ in range(2):  # the second finds server connections that the first has used
            code, report = await asyncio.to_thread(aftersale, "reconcile", "--grace", "0")
            assert (code, report.get("found")) == (0, []), report
            assert await asyncio.to_thread(aftersale, "parked", "list") == (0, {"parked": [], "set_aside": []})
            code, redriven = await asyncio.to_thread(aftersale, "redrive", "--dry-run")
            assert (code, redriven.get("events")) == (0, 3 * ORDERS), redriven
            _, doctor = await asyncio.to_thread(aftersale, "doctor")
            checks = doctor["checks"]
            assert isinstance(checks, list)
            assert [check for check in checks if check["what"].endswith(" database") and not check["ok"]] == []
