"""Who calls, and what a rule answers them."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.contracts.errors import Forbidden, Refused

Role = Literal["platform", "staff", "customer", "guest", "system"]
ROLES: tuple[Role, ...] = ("platform", "staff", "customer", "guest", "system")
MAX_ID_CHARACTERS = 128

WHO: dict[str, str] = {
    "shop_only": "Only the shop's staff or its platform may do this.",
    "customer_only": "Only the customer whom it concerns may do this.",
    "read_only": "These credentials may only read.",
}
"""The refusals of who calls, whatever they call and however things stand, each with its sentence."""


def is_name(text: str) -> bool:
    """Whether `text` may name somebody or a store: 1 to 128 characters, none of which steers a terminal or cannot be stored."""
    return 0 < len(text) <= MAX_ID_CHARACTERS and not any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in text)


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller inside one store.

    `role` and `id` are the rules that apply. A platform acting on behalf of a customer is an Actor with that
    customer's role and id whose `via` names the platform, so that no rule needs to know of the detour.
    A guest's `id` is the one order that its link may read, and `token_id` the link, by which it is revoked.
    """

    store: str
    role: Role
    id: str
    via: str | None = None
    read_only: bool = False
    token_id: str | None = field(default=None, compare=False)

    @property
    def is_shop(self) -> bool:
        """Staff of the store, its platform, or ourselves: whoever may see every order of the store."""
        return self.role in ("staff", "platform", "system")

    def did(self, role: str, actor_id: str) -> bool:
        """Whether it was this actor who did what `role` and `actor_id` did. Never the id alone: staff 7 and customer 7 are two people.

        `via` is how somebody spoke, not who: what a customer did through the store's platform is that customer's own, and its role
        and id say so. Whoever must tell calls apart (an Idempotency-Key's owner) compares `via` as well.
        """
        return (self.role, self.id) == (role, actor_id)


def system(store: str, name: str) -> Actor:
    """The actor of a consumer or sweeper, named after the service that acts."""
    return Actor(store=store, role="system", id=name)


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule's answer: allowed, or a stable code, a sentence that says what would be accepted, and facts for the problem.

    The kind says what would lift it: nothing that happens to the thing (`forbidden`, 403), another state of it (`refused`, 409),
    or time alone, as what it waits for is on its way (`not_yet`, 409 with Retry-After).
    """

    code: str | None = None
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    kind: Literal["forbidden", "refused", "not_yet"] = "refused"
    retry_after_seconds: int | None = None

    @property
    def allowed(self) -> bool:
        """Whether the rule lets it happen."""
        return self.code is None

    def or_raise(self) -> None:
        """Raise Forbidden or Refused unless allowed."""
        if self.code is not None:
            failure = Forbidden if self.kind == "forbidden" else Refused
            raise failure(self.code, self.detail, retry_after_seconds=self.retry_after_seconds, **self.facts)


def allowed() -> Decision:
    """The rule lets it happen."""
    return Decision()


def refused(code: str, detail: str = "", **facts: Any) -> Decision:
    """No, as things stand: `code` is stable and machine-readable, `facts` go into the problem beside it."""
    return Decision(code, detail, facts)


def forbidden(code: str, detail: str = "") -> Decision:
    """Never for this caller. `detail` is the code's own sentence where it is one of WHO."""
    return Decision(code, detail or WHO.get(code, ""), kind="forbidden")


def not_yet(code: str, detail: str = "", *, retry_after_seconds: int = 1, **facts: Any) -> Decision:
    """Not before something arrives that is on its way. Its code is never that of a "never"."""
    return Decision(code, detail, facts, "not_yet", retry_after_seconds)


def shop_only(actor: Actor, *, to_read: bool = False) -> Decision:
    """Staff, the platform and ourselves; a customer or a guest never. Credentials that only read suffice only `to_read`."""
    if not actor.is_shop:
        return forbidden("shop_only")
    return forbidden("read_only") if actor.read_only and not to_read else allowed()


def customer_only(actor: Actor, customer_id: str) -> Decision:
    """The customer `customer_id` and nobody else, not even the shop. Credentials that only read do not suffice."""
    if not actor.did("customer", customer_id):
        return forbidden("customer_only")
    return forbidden("read_only") if actor.read_only else allowed()
