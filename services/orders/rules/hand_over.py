"""Whose order it is: the platform may say that another customer's."""

from shared.contracts.actor import Actor, Decision, platform_only


def may_hand_over(actor: Actor) -> Decision:
    """Whether `actor` may hand an order to another customer, in any status: only the platform knows who its customers are."""
    return platform_only(actor)
