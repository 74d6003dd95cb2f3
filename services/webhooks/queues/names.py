"""What a queue, its user and their virtual host are called. Users belong to the whole broker, so a user's name begins with its vhost."""

from dataclasses import dataclass
from typing import Self

from yarl import URL

from shared.contracts.ids import is_id
from shared.messaging.broker import partners_vhost


@dataclass(frozen=True, slots=True)
class QueueNames:
    """The names of one endpoint's queue."""

    vhost: str
    queue: str
    username: str

    @classmethod
    def of(cls, namespace: str, endpoint_id: str) -> Self:
        """The queue is called as its endpoint."""
        vhost = partners_vhost(namespace)
        return cls(vhost, endpoint_id, f"{vhost}.{endpoint_id}")


def endpoint_of(vhost: str, username: str) -> str | None:
    """The endpoint whose user this is; None if it is not a user that is made for `vhost`."""
    rest = username.removeprefix(f"{vhost}.")
    return rest if rest != username and is_id("endpoint", rest) else None


def url_in_vhost(amqp_url: str, vhost: str) -> str:
    """The same broker and user, in another virtual host."""
    return str(URL(amqp_url).with_path(f"/{vhost}", keep_query=True))
