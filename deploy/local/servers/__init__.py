"""Real PostgreSQL and real RabbitMQ, for `make up` and for the tests alike."""

from deploy.local.servers.resolve import resolve
from deploy.operator.given import Servers

__all__ = ["Servers", "resolve"]
