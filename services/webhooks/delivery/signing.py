"""Secrets and keys of an endpoint, and the headers of Standard Webhooks that every delivery carries.

Receivers check `v1` with the shared secret or `v1a` with our public key, whichever they prefer. While a secret or key is being rotated
the old and the new one both sign. Signatures cover `<id>.<timestamp>.<body>`, with the body exactly as it is sent.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from shared.contracts.errors import Invalid

SECRET, SIGNING_KEY, PUBLIC_KEY = "whsec_", "whsk_", "whpk_"
SECRET_BYTES = 32
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64


class KeyPair(NamedTuple):
    """An ed25519 key to sign with (`whsk_`, the 32 bytes of its seed in base64), and the public one (`whpk_`) to check with."""

    signing_key: str
    public_key: str


def new_secret() -> str:
    """A random `whsec_` secret of 32 bytes."""
    return SECRET + _base64(secrets.token_bytes(SECRET_BYTES))


def new_key_pair() -> KeyPair:
    """A random ed25519 key."""
    return _pair(Ed25519PrivateKey.generate())


def public_key_of(signing_key: str) -> str:
    """The `whpk_` key that checks what the `whsk_` key signs."""
    return _pair(_ed25519(signing_key)).public_key


def accepted_secret(text: str, *, at: str = "/secret") -> str:
    """A secret that a caller brings, in the one spelling that every library reads alike. Raises Invalid `bad_secret`."""
    encoded = text.removeprefix(SECRET)
    try:
        decoded = base64.b64decode(encoded, validate=True) if text.startswith(SECRET) else b""
    except (binascii.Error, ValueError):
        decoded = b""
    if not MIN_SECRET_BYTES <= len(decoded) <= MAX_SECRET_BYTES or _base64(decoded) != encoded:
        accepted = f"A secret is {SECRET} and {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes in base64, with its padding."
        raise Invalid("bad_secret", accepted, at=at)
    return text


def signed_headers(
    event_id: str, body: bytes, *, live_secrets: Sequence[str], live_signing_keys: Sequence[str] = (), now: datetime
) -> dict[str, str]:
    """The headers of the attempt made `now`: a `v1` signature for each live secret, then a `v1a` for each live signing key.

    The body must be UTF-8, and the id without a full stop and without spaces: verifiers could not tell the parts apart, or read the body.
    Raises ValueError otherwise, and without anything to sign with, because that would be our own mistake.
    """
    if not event_id or not event_id.isascii() or not event_id.isprintable() or "." in event_id or " " in event_id:
        raise ValueError("a webhook's id is ASCII without full stops and spaces")
    if not live_secrets and not live_signing_keys:
        raise ValueError("a webhook needs a secret or a key to be signed with")
    attempt = now.astimezone(UTC).replace(microsecond=0)  # the library reads the digits of any other zone as if they were UTC
    timestamp, text = str(int(attempt.timestamp())), body.decode()
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = [Webhook(secret).sign(event_id, attempt, text) for secret in live_secrets]
    signatures += [f"v1a,{_base64(_ed25519(key).sign(content))}" for key in live_signing_keys]
    return {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _ed25519(signing_key: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(signing_key.removeprefix(SIGNING_KEY), validate=True))


def _pair(key: Ed25519PrivateKey) -> KeyPair:
    return KeyPair(SIGNING_KEY + _base64(key.private_bytes_raw()), PUBLIC_KEY + _base64(key.public_key().public_bytes_raw()))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
