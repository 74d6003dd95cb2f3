"""Who is calling, and what a rule decides for them."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.contracts.errors import Forbidden, Refused

Role = Literal["platform", "staff", "customer", "guest", "system"]
ROLES: tuple[Role, ...] = ("platform", "staff", "customer", "guest", "system")
MAX_ID_CHARACTERS = 128

WHO: dict[str, str] = {
    "shop_only": "Only the shop's staff or its platform may do this.",
    "platform_only": "Only the store's platform may do this.",
    "customer_only": "Only the customer whom it concerns may do this.",
    "read_only": "These credentials may only read.",
}
"""Refusals that depend only on who is calling, not on the operation or any state: code and sentence."""


def is_name(text: str) -> bool:
    """Whether `text` may name a person or a store: 1 to 128 characters, no terminal control characters, none that cannot be stored."""
    return 0 < len(text) <= MAX_ID_CHARACTERS and not any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in text)


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller inside one store.

    `role` and `id` decide which rules apply. A platform acting on behalf of a customer is an Actor with that
    customer's role and id whose `via` names the platform, so that no rule needs to know about the platform.
    A guest's `id` is the one order that its link may read; its `token_id` identifies the link, so that the link can be revoked.
    """

    store: str
    role: Role
    id: str
    via: str | None = None
    read_only: bool = False
    token_id: str | None = field(default=None, compare=False)

    @property
    def is_shop(self) -> bool:
        """Whether this is the store's staff, its platform or the system itself: the roles that may see every order of the store."""
        return self.role in ("staff", "platform", "system")

    def did(self, role: str, actor_id: str) -> bool:
        """Whether `role` and `actor_id` are this actor's. Never compare the id alone: staff 7 and customer 7 are two people.

        `via` is ignored: what a customer did through the store's platform is still that customer's own action, recorded under the
        customer's role and id. Code that must tell such calls apart (the owner of an Idempotency-Key) compares `via` as well.
        """
        return (self.role, self.id) == (role, actor_id)


def system(store: str, name: str) -> Actor:
    """The actor of a consumer or sweeper, named after the service that acts."""
    return Actor(store=store, role="system", id=name)


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule's answer: allowed, or a stable code, a sentence that says what would be accepted, and facts for the problem.

    `kind` says what could change the answer: nothing (`forbidden`, 403), another state of the resource (`refused`, 409), or time
    alone, because something that is still on its way will arrive (`not_yet`, 409 with Retry-After).
    """

    code: str | None = None
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    kind: Literal["forbidden", "refused", "not_yet"] = "refused"
    retry_after_seconds: int | None = None

    @property
    def allowed(self) -> bool:
        """Whether the rule allows it."""
        return self.code is None

    def or_raise(self) -> None:
        """Raise Forbidden or Refused unless allowed."""
        if self.code is not None:
            failure = Forbidden if self.kind == "forbidden" else Refused
            raise failure(self.code, self.detail, retry_after_seconds=self.retry_after_seconds, **self.facts)


def allowed() -> Decision:
    """The rule allows it."""
    return Decision()


def refused(code: str, detail: str = "", **facts: Any) -> Decision:
    """Not in the current state. `code` is stable and machine-readable; `facts` are added to the problem."""
    return Decision(code, detail, facts)


def forbidden(code: str, detail: str = "") -> Decision:
    """Never for this caller. Without a `detail`, the sentence is the one that WHO has for the code."""
    return Decision(code, detail or WHO.get(code, ""), kind="forbidden")


def not_yet(code: str, detail: str = "", *, retry_after_seconds: int = 1, **facts: Any) -> Decision:
    """Not until something arrives that is on its way. Never give it a code that elsewhere means "never"."""
    return Decision(code, detail, facts, "not_yet", retry_after_seconds)


def shop_only(actor: Actor, *, to_read: bool = False) -> Decision:
    """Allows staff, the platform and the system, never a customer or guest. Read-only credentials are enough only `to_read`."""
    if not actor.is_shop:
        return forbidden("shop_only")
    return forbidden("read_only") if actor.read_only and not to_read else allowed()


def platform_only(actor: Actor) -> Decision:
    """Allows the store's platform, not its staff, nor a customer on whose behalf it acts. Read-only credentials are not enough."""
    if actor.role != "platform":
        return forbidden("platform_only")
    return forbidden("read_only") if actor.read_only else allowed()


def customer_only(actor: Actor, customer_id: str) -> Decision:
    """Allows the customer `customer_id` and nobody else, not even the shop. Read-only credentials are not enough."""
    if not actor.did("customer", customer_id):
        return forbidden("customer_only")
    return forbidden("read_only") if actor.read_only else allowed()
