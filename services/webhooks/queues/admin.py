"""RabbitMQ's management API, as its administrator. Every step can be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2
from yarl import URL

from services.webhooks.queues.names import QueueNames, endpoint_of

TIMEOUT_SECONDS = 10.0
MAX_REASON_CHARACTERS = 300
NOTHING = "^$"
"""A regular expression that no name matches."""
DEFAULT_EXCHANGE = r"^amq\.default$"
"""What RabbitMQ calls the default exchange, by which a message reaches a queue by its name."""


class AdminRefused(Exception):  # noqa: N818  (it says what RabbitMQ did)
    """RabbitMQ refused a step; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What each queue and its user may have."""

    max_bytes: int
    connections: int
    channels: int


class Admin:
    """A client of the management API, as a context manager. Every method raises AdminRefused and httpx2.HTTPError."""

    def __init__(self, url: str, vhost: str, limits: Limits) -> None:
        given = URL(url)
        self.user, self.vhost, self._limits = given.user or "guest", vhost, limits
        auth = (self.user, given.password or "")
        self._client = httpx2.AsyncClient(
            base_url=str(given.with_user(None)).rstrip("/") + "/api", auth=auth, timeout=TIMEOUT_SECONDS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.aclose()

    async def check(self) -> None:
        """See whether RabbitMQ answers and takes us for its administrator."""
        found = await self._call("GET", "/whoami")
        if "administrator" not in str(found.get("tags", "")):
            raise AdminRefused(f"{self.user} is not an administrator of RabbitMQ.")

    async def prepare(self, publisher: str) -> None:
        """The virtual host, in which `publisher` may only put messages into queues, and we may only make and delete queues."""
        await self._call("PUT", f"/vhosts/{_part(self.vhost)}", {})
        rights = {
            publisher: {"configure": NOTHING, "write": DEFAULT_EXCHANGE, "read": NOTHING},
            self.user: {"configure": ".*", "write": DEFAULT_EXCHANGE if publisher == self.user else NOTHING, "read": NOTHING},
        }
        for user, may in rights.items():
            await self._permit(user, may)

    async def provide(self, names: QueueNames, password_hash: str, *, anew: bool) -> None:
        """The queue, and a user that may read it and nothing else.

        `anew` deletes a queue that is there, which nobody has used yet. A user of another password is deleted first: that also ends the
        connections that the old one opened.
        """
        user = f"/users/{_part(names.username)}"
        found = await self._call("GET", user, missing=True)
        if found and found.get("password_hash") != password_hash:
            await self._call("DELETE", user, missing=True)
        algorithm = "rabbit_password_hashing_sha256"
        await self._call("PUT", user, {"password_hash": password_hash, "hashing_algorithm": algorithm, "tags": ""})
        for limit, value in {"max-connections": self._limits.connections, "max-channels": self._limits.channels}.items():
            await self._call("PUT", f"/user-limits/{_part(names.username)}/{limit}", {"value": value})
        await self._queue(names.queue, anew=anew)
        await self._permit(names.username, {"configure": NOTHING, "write": NOTHING, "read": f"^{names.queue}$"})

    async def remove(self, names: QueueNames) -> None:
        """Delete the user, which ends its connections, and the queue with what is in it."""
        await self._call("DELETE", f"/users/{_part(names.username)}", missing=True)
        await self._call("DELETE", f"/queues/{_part(self.vhost)}/{_part(names.queue)}", missing=True)

    async def endpoints(self) -> set[str]:
        """The endpoints that have a queue or a user here."""
        queues = await self._call("GET", f"/queues/{_part(self.vhost)}?disable_stats=true&enable_queue_totals=true")
        users = await self._call("GET", "/users")
        return {one["name"] for one in queues} | {endpoint for one in users if (endpoint := endpoint_of(self.vhost, one["name"]))}

    async def _queue(self, name: str, *, anew: bool) -> None:
        """Make the queue unless it exists: one that was made under another limit keeps it."""
        path = f"/queues/{_part(self.vhost)}/{_part(name)}"
        if anew:
            await self._call("DELETE", path, missing=True)
        if not await self._call("GET", path, missing=True):
            arguments = {"x-queue-type": "quorum", "x-max-length-bytes": self._limits.max_bytes, "x-overflow": "reject-publish"}
            await self._call("PUT", path, {"durable": True, "auto_delete": False, "arguments": arguments})

    async def _permit(self, user: str, may: Mapping[str, str]) -> None:
        await self._call("PUT", f"/permissions/{_part(self.vhost)}/{_part(user)}", may)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, missing: bool = False) -> Any:
        """The JSON of the answer; {} for none, and for a 404 if `missing` is fine."""
        answer = await self._client.request(method, path, json=body)
        if answer.status_code == 404 and missing:
            return {}
        if not answer.is_success:
            raise AdminRefused(f"{method} {path}: {answer.status_code} {answer.text[:MAX_REASON_CHARACTERS]}")
        return answer.json() if answer.content else {}


def _part(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")
