"""Who may read and do what."""

from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden


def may_read(actor: Actor, customer_id: str, order_id: str) -> bool:
    """Whether `actor` may read what belongs to this customer's order: the shop, that customer, or a guest with its link."""
    return actor.is_shop or (actor.role == "customer" and actor.id == customer_id) or (actor.role == "guest" and actor.id == order_id)


def shop_only(actor: Actor) -> None:
    """Raise Forbidden unless `actor` is the shop: staff or platform."""
    if not actor.is_shop:
        raise Forbidden("shop_only", "Only the shop's staff or its platform may do this.")
