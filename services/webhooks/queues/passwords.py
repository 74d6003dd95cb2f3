"""Passwords of the queues' users. Only the hash that RabbitMQ needs is stored.

A password follows from a key of the installation and from the row's ids, as guest links do, so that a call that is repeated under its
Idempotency-Key shows the same one again. Without such a key it is random, and a repeat shows none.
"""

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

from shared.messaging.broker import password_hash

SALT_BYTES = 4
PURPOSE = "aftersale queue password"


def new_password(key: str | None, store_id: str, endpoint_id: str, secret_id: UUID) -> str:
    """32 bytes in URL-safe base64: a password may be part of an AMQP URL as it is."""
    signed = "\n".join((PURPOSE, store_id, endpoint_id, str(secret_id))).encode()
    made = secrets.token_bytes(32) if key is None else hmac.digest(key.encode(), signed, hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def hashed(password: str) -> str:
    """The password's hash under a fresh salt, as RabbitMQ stores it."""
    return password_hash(password, secrets.token_bytes(SALT_BYTES))


def matches(password: str, stored: str) -> bool:
    """Whether `stored` is a hash of this password."""
    salt = base64.b64decode(stored)[:SALT_BYTES]
    return hmac.compare_digest(password_hash(password, salt), stored)
