"""The broker's topology, as data: one exchange, a queue for each consuming service, a dead-letter queue, and users with narrow rights.

A service's user may publish only its own event types (topic rights on the exchange) and nothing to a queue directly (no right on
the default exchange). It may read only its own queue and bind only the types that it reads or publishes. So a service that is taken
over can neither publish in another's name nor receive events that are not meant for it.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from deploy.operator.registry import READERS, SERVICES
from shared.contracts.events import SOURCES, read_by
from shared.messaging.broker import dead_queue_name, exchange_name, password_hash, queue_arguments, queue_name

NOTHING = "(?!)"
"""A regular expression that no name matches."""
MIN_VERSION: tuple[int, ...] = (3, 10)
"""The oldest supported version of RabbitMQ."""
DEAD_QUEUE_ARGUMENTS: Mapping[str, Any] = {"x-queue-type": "quorum"}


def user_name(namespace: str, service: str) -> str:
    """The name of a service's broker user and database role."""
    return f"{namespace}_{service}"


def rights(namespace: str, service: str) -> dict[str, str]:
    """What a service's user may configure, write and read, as regular expressions on names of queues and exchanges."""
    own = f"{re.escape(queue_name(namespace, service))}(\\..*)?"
    mine = f"{own}|amq\\.gen-.*"
    exchange = re.escape(exchange_name(namespace))
    return {"configure": f"^({mine})$", "write": f"^({exchange}|{mine})$", "read": f"^({exchange}|{mine})$"}


def topic_rights(service: str) -> dict[str, str]:
    """Which event types a service's user may publish, and bind its queues to (its own, for live streams, and those it reads)."""
    own = "|".join(re.escape(word) for word in SOURCES.get(service, ())) or NOTHING
    read = "|".join(re.escape(event_type) for event_type in read_by(service))
    return {"write": f"^({own})\\.[a-z_]+\\.v[0-9]+$", "read": f"^({own})\\.|^({read})$" if read else f"^({own})\\."}


def queues(namespace: str) -> dict[str, Mapping[str, Any]]:
    """Every queue with its arguments."""
    made: dict[str, Mapping[str, Any]] = {queue_name(namespace, service): queue_arguments(namespace) for service in READERS}
    made[dead_queue_name(namespace)] = DEAD_QUEUE_ARGUMENTS
    return made


def bindings(namespace: str) -> list[tuple[str, str]]:
    """(queue, event type) for exactly the types that each service must receive."""
    return [(queue_name(namespace, service), event_type) for service in READERS for event_type in read_by(service)]


def definitions(namespace: str, passwords: Mapping[str, str], vhost: str = "/") -> dict[str, Any]:
    """The whole topology in the format that RabbitMQ imports. `passwords` are those of the services' users."""
    exchange = exchange_name(namespace)
    return {
        "users": [
            {
                "name": user_name(namespace, service),
                # the salt is derived from the password, so that unchanged definitions produce the same text
                "password_hash": password_hash(passwords[service], hashlib.sha256(passwords[service].encode()).digest()[:4]),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
            for service in SERVICES
        ],
        "permissions": [{"user": user_name(namespace, service), "vhost": vhost} | rights(namespace, service) for service in SERVICES],
        "topic_permissions": [
            {"user": user_name(namespace, service), "vhost": vhost, "exchange": exchange} | topic_rights(service) for service in SERVICES
        ],
        "exchanges": [
            {"name": exchange, "vhost": vhost, "type": "topic", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}
        ],
        "queues": [
            {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": dict(arguments)}
            for name, arguments in queues(namespace).items()
        ],
        "bindings": [
            {
                "source": exchange,
                "vhost": vhost,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": event_type,
                "arguments": {},
            }
            for queue, event_type in bindings(namespace)
        ],
    }
