"""Guest links: a signed, expiring token that reads one order."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from services.orders.queries.orders import order_for
from services.orders.schemas.views import GuestLinkView
from shared.actor import Actor
from shared.db import Transaction
from shared.errors import Forbidden, Refused
from shared.keys import SigningKey
from shared.tokens import issue


async def guest_link(tx: Transaction, actor: Actor, order_id: str, days: int, keys_file: Path, *, now: datetime) -> GuestLinkView:
    """A token that reads this order for `days`. For the shop, and for the order's own customer.

    Raises NotFound, Forbidden for a guest, Refused `no_guest_key` where no trusted key with a secret may speak for guests.
    """
    if actor.role == "guest":
        raise Forbidden("read_only", "A guest link only reads.")
    await order_for(tx, actor, order_id)
    key = _key(keys_file, actor.store)
    lifetime = timedelta(days=days)
    guest = Actor(store=actor.store, role="guest", id=order_id, read_only=True)
    token = issue(key[1], issuer=key[0], actor=guest, lifetime_seconds=int(lifetime.total_seconds()), now=now.timestamp())
    return GuestLinkView(token=token, expires_at=now.replace(microsecond=0) + lifetime)


def _key(keys_file: Path, store_id: str) -> tuple[str, str]:
    for entry in json.loads(keys_file.read_text()):
        key = SigningKey.model_validate(entry)
        if key.secret is not None and "guest" in key.roles and ("*" in key.stores or store_id in key.stores):
            return key.issuer, key.secret.get_secret_value()
    raise Refused("no_guest_key", "No signing key of this installation may speak for guests of this store.")
