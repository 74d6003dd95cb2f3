"""The operator of queues as a process of its own beside the running stack, and what a partner and an administrator can do on the broker."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import httpx2
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from deploy.operator.databases import as_user
from shared.messaging.broker import partners_vhost
from tests.shop import Answer, Shop, eventually
from tests.stack import STOP_SECONDS, Stack

ENDPOINTS = "/webhooks/v1/webhooks/endpoints"
QUEUE_BYTES = 20_000


class Operator:
    """One process of `aftersale run-queues`; the queues that it makes are small unless `queue_bytes` says otherwise."""

    def __init__(self, stack: Stack, *, queue_bytes: int = QUEUE_BYTES) -> None:
        self._stack = stack
        self._queue_bytes = queue_bytes
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it has made itself known once an endpoint of kind amqp can be created."""
        stack = self._stack
        queues = {"AFTERSALE_AMQP_ADMIN_API": stack.amqp_admin_api, "AFTERSALE_QUEUE_MAX_BYTES": str(self._queue_bytes)}
        environment = {**os.environ, **stack.settings, **queues}
        with open(stack.log, "ab") as log:
            command = [sys.executable, "-m", "deploy", "run-queues"]
            self._child = subprocess.Popen(command, cwd=stack.tree, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """Stop it, and see that it ends as asked."""
        assert self._child is not None
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
        assert self._child.wait(STOP_SECONDS) == 0


async def queue_endpoint(shop: Shop, **more: Any) -> Answer:
    """A new endpoint of kind amqp, once its queue is ready; the answer is that of its creation."""

    async def made() -> Answer:
        answer = await shop.platform.post(ENDPOINTS, json={"kind": "amqp", **more})
        assert answer.code != "amqp_endpoints_not_available", "no operator has been seen yet"
        return answer.ok()

    answer = await eventually(made)
    await ready(shop, answer["endpoint_id"])
    return answer


async def ready(shop: Shop, endpoint_id: str) -> None:
    """Wait until the operator has carried out the latest order for this queue."""

    async def is_ready() -> bool:
        return bool((await shop.staff.get(f"{ENDPOINTS}/{endpoint_id}")).ok()["queue"]["state"] == "ready")

    await eventually(is_ready)


def url_of(stack: Stack, made: Answer, *, password: str | None = None, vhost: str | None = None) -> str:
    """The AMQP URL that a partner builds from what the endpoint's creator was shown."""
    theirs = as_user(stack.amqp_url, made["queue"]["username"], password or made["secret"])
    return urlunsplit(urlsplit(theirs)._replace(path="/" + (vhost or made["queue"]["vhost"])))


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[AbstractChannel]:
    """A channel as this user."""
    async with await aio_pika.connect(url, timeout=30) as connection:
        yield await connection.channel(on_return_raises=True)


async def read(url: str, queue: str, count: int) -> list[AbstractIncomingMessage]:
    """Read and acknowledge so many messages, in their order."""
    found: list[AbstractIncomingMessage] = []
    async with channel(url) as theirs:
        mine = await theirs.get_queue(queue, ensure=False)

        async def next_one() -> AbstractIncomingMessage | None:
            return await mine.get(fail=False)

        while len(found) < count:
            message = await eventually(next_one)
            assert message is not None
            await message.ack()
            found.append(message)
    return found


class Administrator:
    """What the broker's administrator sees of the stack's partners."""

    def __init__(self, stack: Stack) -> None:
        url = urlsplit(stack.amqp_admin_api)
        self._base = f"http://{url.hostname}:{url.port}/api"
        self._auth = (url.username or "", url.password or "")
        self._vhost = partners_vhost(stack.name)

    async def get(self, path: str) -> Any:
        """JSON of the management API; None if there is no such thing."""
        async with httpx2.AsyncClient(auth=self._auth, timeout=60, trust_env=False) as client:
            answer = await client.get(f"{self._base}{path}")
        assert answer.status_code in (200, 404), answer.text
        return answer.json() if answer.status_code == 200 else None

    async def queue(self, name: str) -> Any:
        """A queue of the partners."""
        return await self.get(f"/queues/{self._vhost}/{name}")

    async def user(self, name: str) -> Any:
        """A user."""
        return await self.get(f"/users/{name}")

    async def rights(self, name: str) -> list[Any]:
        """Every right of a user, in all virtual hosts."""
        return list(await self.get(f"/users/{name}/permissions") or [])

    async def forget(self, queue: str, user: str) -> None:
        """Lose a queue and a user, as a broker that was set up again has."""
        async with httpx2.AsyncClient(auth=self._auth, timeout=60, trust_env=False) as client:
            for path in (f"/queues/{self._vhost}/{queue}", f"/users/{user}"):
                (await client.delete(f"{self._base}{path}")).raise_for_status()

    async def remove(self) -> None:
        """Remove the stack's virtual host and its users."""
        async with httpx2.AsyncClient(auth=self._auth, timeout=60, trust_env=False) as client:
            for one in (await client.get(f"{self._base}/users")).json():
                if one["name"].startswith(f"{self._vhost}."):
                    await client.delete(f"{self._base}/users/{one['name']}")
            await client.delete(f"{self._base}/vhosts/{self._vhost}")
