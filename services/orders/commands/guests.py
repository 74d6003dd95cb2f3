"""Guest links: signed, expiring tokens that read one order. Creates and revokes them, and derives a token again for a replay.

The token is shown once and never stored: the row holds its claims and its hash. The same row and key give the same token.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.orders.queries.guests import is_valid, link_of
from services.orders.queries.orders import order_for
from services.orders.requests.changes import GuestLink
from services.orders.settings import OrderSettings
from services.orders.state import Link
from services.orders.tables import guest_links
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden, Refused
from shared.contracts.events import By, GuestLinkRevoked
from shared.contracts.ids import new_id
from shared.data import guests
from shared.data.db import Database, Transaction
from shared.data.sweeping import forget_rows
from shared.messaging.outbox import emit
from shared.process.settings import Settings
from shared.web.keys import KeysFile
from shared.web.tokens import issue

USUAL_DAYS = 30
KEPT_DAYS = 1  # after its end: by then nobody looks it up any more


async def make_link(
    tx: Transaction, actor: Actor, order_id: str, wanted: GuestLink, *, keys: KeysFile, limits: OrderSettings, now: datetime
) -> tuple[Link, str]:
    """A link that reads this order for the requested days, and its token. For the shop, and for the order's own customer.

    Raises NotFound, Forbidden for a guest; Refused `no_guest_key` if no trusted key with a secret may issue guest tokens,
    `guest_link_too_long`, `too_many_guest_links`, `customer_was_erased`.
    """
    if actor.role == "guest":
        raise Forbidden("read_only", "A guest link can only read its order.")
    await order_for(tx, actor, order_id, lock=True)  # locked, so that concurrent calls count each other's link
    days = min(USUAL_DAYS, limits.guest_link_days) if wanted.days is None else wanted.days
    if days > limits.guest_link_days:
        raise Refused(
            "guest_link_too_long", f"A link can be valid for at most {limits.guest_link_days} days.", max_days=limits.guest_link_days
        )
    if await guests.is_revoked(tx, actor.store, order_id):
        raise Refused("customer_was_erased", "The customer of this order was erased, so no link can be made for it.")
    mine = (guest_links.c.store_id == actor.store) & (guest_links.c.order_id == order_id)
    if await tx.scalar(sa.select(sa.func.count()).where(mine, is_valid(now=now))) >= limits.guest_links_per_order:
        raise Refused("too_many_guest_links", f"An order can have at most {limits.guest_links_per_order} valid links; revoke one first.")
    key = keys.signing_for("guest", actor.store)
    if key is None or key.secret is None:
        raise Refused("no_guest_key", "No signing key of this installation may issue guest tokens for this store.")
    made_at = now.replace(microsecond=0)  # the precision of the token's own times
    link = Link(actor.store, new_id("link"), order_id, key.issuer, By.of(actor), made_at, made_at + timedelta(days=days))
    token = _token(link, key.secret.get_secret_value())
    row = asdict(link) | {"by": link.by.model_dump(), "token_hash": _hash(token)}
    await tx.execute(sa.insert(guest_links).values(row))
    return link, token


async def token_again(tx: Transaction, store_id: str, answer: Mapping[str, Any], keys: KeysFile, *, now: datetime) -> dict[str, str]:
    """The token for a stored response as `{"token": …}`, or `{}` if its link is no longer valid or its key no longer trusted."""
    if not answer.get("link_id"):
        return {}
    mine = (guest_links.c.store_id == store_id) & (guest_links.c.link_id == answer["link_id"])
    row = await tx.first(sa.select(guest_links).where(mine, is_valid(now=now)))
    if row is None:
        return {}
    for key in keys.secrets_of(row.issuer):
        token = _token(link_of(row), key)
        if _hash(token) == bytes(row.token_hash):
            return {"token": token}
    return {}


async def revoke_link(tx: Transaction, actor: Actor, order_id: str, link_id: str, *, now: datetime) -> None:
    """Revoke a link: here at once, elsewhere through `guest_link.revoked`. Repeating it is harmless.

    Raises NotFound if the order has no such link or `actor` may not see the order; Forbidden for a guest.
    """
    if actor.role == "guest":
        raise Forbidden("read_only", "A guest link can only read its order.")
    await order_for(tx, actor, order_id)
    mine = (guest_links.c.store_id == actor.store) & (guest_links.c.order_id == order_id) & (guest_links.c.link_id == link_id)
    row = await tx.found(sa.select(guest_links).where(mine).with_for_update(), "The order has no such link.")
    if row.revoked_at is None:
        await _revoke(tx, link_of(row), actor, now=now)


async def revoke_links_of(tx: Transaction, store_id: str, order_ids: Sequence[str], *, now: datetime) -> None:
    """Revoke every link of these orders. The other services learn it from the `customer.erased` event of the same erasure."""
    await guests.revoke_all(tx, store_id, order_ids)
    open_links = (guest_links.c.store_id == store_id) & guest_links.c.order_id.in_(order_ids) & guest_links.c.revoked_at.is_(None)
    await tx.execute(sa.update(guest_links).where(open_links).values(revoked_at=now))


async def sweep_links(database: Database, settings: Settings, *, now: datetime) -> int:
    """Delete up to 5,000 links that expired more than a day ago. Returns how many."""
    ended = guest_links.c.expires_at < now - timedelta(days=KEPT_DAYS)
    return await forget_rows(database, "orders.sweep_links", guest_links, ended)


async def _revoke(tx: Transaction, link: Link, actor: Actor, *, now: datetime) -> None:
    mine = (guest_links.c.store_id == link.store_id) & (guest_links.c.link_id == link.link_id)
    await tx.execute(sa.update(guest_links).where(mine).values(revoked_at=now))
    await guests.revoke(tx, link.store_id, link.order_id, link.link_id, link.expires_at)
    event = GuestLinkRevoked(occurred_at=now, link_id=link.link_id, order_id=link.order_id, expires_at=link.expires_at, by=By.of(actor))
    await emit(tx, event, store_id=link.store_id, sequence=1, recorded_at=now)


def _token(link: Link, secret: str) -> str:
    guest = Actor(store=link.store_id, role="guest", id=link.order_id, read_only=True, token_id=link.link_id)
    seconds = int((link.expires_at - link.created_at).total_seconds())
    return issue(secret, issuer=link.issuer, actor=guest, lifetime_seconds=seconds, now=link.created_at.timestamp())


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
