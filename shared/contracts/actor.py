"""Who calls, and what a rule answers them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from shared.contracts.errors import Refused

Role = Literal["platform", "staff", "customer", "guest", "system"]
ROLES: tuple[Role, ...] = ("platform", "staff", "customer", "guest", "system")


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
    """A rule's answer: allowed, or refused with a stable code and a sentence that says what would be accepted."""

    code: str | None = None
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether the rule lets it happen."""
        return self.code is None

    def or_raise(self) -> None:
        """Raise Refused unless allowed."""
        if self.code is not None:
            raise Refused(self.code, self.detail, **self.facts)


def allowed() -> Decision:
    """The rule lets it happen."""
    return Decision()


def refused(code: str, detail: str = "", **facts: Any) -> Decision:
    """The rule forbids it: `code` is stable and machine-readable, `facts` go into the problem beside it."""
    return Decision(code, detail, facts)
