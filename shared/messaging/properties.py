"""A message's properties are whatever its sender wrote, and must not make the AMQP library fail.

RabbitMQ passes most properties on unread. A timestamp in the year 584556019, or an id that is not UTF-8, made the client close its
connection, again at each redelivery, so that no event reached that service any more. We use only the routing key and the body
(shared/messaging/messages.py), so properties that cannot be read are left out here, and those that nobody reads are dropped.
"""

from pamqp.base import BasicProperties
from pamqp.commands import Basic

DELIVERY_MODES = (1, 2)
KEPT = ("content_type", "delivery_mode", "message_id", "message_type")
"""The properties that are read: `message_id` by the library, to recognise a returned unroutable message; the rest by people."""

_read = Basic.Properties.unmarshal


def tolerate_strange_properties() -> None:
    """Make this process's AMQP client accept any properties, for which it has no setting."""
    Basic.Properties.unmarshal = _tolerant  # type: ignore[assignment, method-assign]  # replaces a method on purpose


def _tolerant(properties: BasicProperties, flags: int, data: bytes) -> None:
    try:
        _read(properties, flags, data)
    except Exception:  # untrusted bytes can cause any error
        flags = 0
    for name in properties.__slots__:
        if name not in KEPT or not flags:
            setattr(properties, name, None)
    if getattr(properties, "delivery_mode", None) not in DELIVERY_MODES:
        setattr(properties, "delivery_mode", None)  # noqa: B010  (the properties' base class does not declare it)
