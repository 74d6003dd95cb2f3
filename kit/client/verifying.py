"""Checks that a webhook is Aftersale's, and reads it."""

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class NotVerified(Exception):  # noqa: N818  (describes the message)
    """The message was not signed with any of the secrets, was changed, or is older than five minutes: do not trust it."""


def verified(body: bytes, headers: Mapping[str, str], *secrets: str) -> dict[str, Any]:
    """The CloudEvent in a webhook's body, as it arrived. Raises NotVerified.

    While a secret is being replaced, give both. Remember the event's `id`: the same event may come again.
    """
    for secret in secrets:
        try:
            return dict(Webhook(secret).verify(body, dict(headers)))
        except (WebhookVerificationError, ValueError):
            continue
    raise NotVerified("no secret verifies this message")
