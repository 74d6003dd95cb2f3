"""Properties of a message are whatever its sender wrote; the library that reads them must not fall over one.

RabbitMQ passes most of them on unread. A time stamp of the year 584556019, or an id that is no UTF-8, made the client end its
connection, and again at each delivery: no event reached that service any more. We believe the routing key and the body alone
(shared/messaging/messages.py), so what cannot be read is left out here, and what nobody reads is not kept.
"""

from pamqp.base import BasicProperties
from pamqp.commands import Basic

DELIVERY_MODES = (1, 2)
KEPT = ("content_type", "delivery_mode", "message_id", "message_type")
"""What is read: `message_id` by the library, to know a message that came back unroutable; the rest by people."""

_read = Basic.Properties.unmarshal


def tolerate_strange_properties() -> None:
    """From now on this process's AMQP client takes any properties. There is no setting of it for that."""
    Basic.Properties.unmarshal = _tolerant  # type: ignore[assignment, method-assign]  # a method is replaced, on purpose


def _tolerant(properties: BasicProperties, flags: int, data: bytes) -> None:
    try:
        _read(properties, flags, data)
    except Exception:  # of any kind: the bytes are a stranger's
        flags = 0
    for name in properties.__slots__:
        if name not in KEPT or not flags:
            setattr(properties, name, None)
    if getattr(properties, "delivery_mode", None) not in DELIVERY_MODES:
        setattr(properties, "delivery_mode", None)  # noqa: B010  (the class of all properties does not declare it)
