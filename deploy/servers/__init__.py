"""Real PostgreSQL and real RabbitMQ, for `make up` and for the tests alike."""

from deploy.servers.resolve import Servers, resolve

__all__ = ["Servers", "resolve"]
