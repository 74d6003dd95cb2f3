"""Who may read what belongs to an order."""

from shared.contracts.actor import Actor


def may_read(actor: Actor, customer_id: str, order_id: str) -> bool:
    """Whether `actor` may read what belongs to this customer's order: the shop, that customer, or a guest with its link."""
    return actor.is_shop or (actor.role == "customer" and actor.id == customer_id) or (actor.role == "guest" and actor.id == order_id)
