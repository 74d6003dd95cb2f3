"""Real PostgreSQL and RabbitMQ servers, for both `make up` and the tests."""

from deploy.local.servers.resolve import resolve
from deploy.operator.given import Servers

__all__ = ["Servers", "resolve"]
