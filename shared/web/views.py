"""Shapes of what callers see, shared by all services: views with their ETag, who did it, money, actions, pages."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from shared.contracts.actor import Actor, Decision, Role
from shared.contracts.events import By
from shared.contracts.money import decimal_text

T = TypeVar("T", bound=BaseModel)


class View(BaseModel):
    """What callers see. A view with a `version` is sent with an ETag that begins with "v<version>".

    `secrets` are fields that are shown once and never stored: a repeat of the call shows them again only if they can be recreated.
    """

    model_config = ConfigDict(frozen=True)
    secrets: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def showing(cls, value: Any, /, **others: Any) -> Self:
        """A view of a value's attributes by name; `others` are fields that differ from the value's or that it does not have."""
        return cls(**{name: getattr(value, name) for name in cls.model_fields if name not in others}, **others)


class ByView(View):
    """Who did it. A customer sees the role of others, not their ids."""

    role: Role
    id: str | None = None
    via: str | None = None

    @classmethod
    def of(cls, by: By, actor: Actor) -> "ByView":
        """`by` as `actor` may see it."""
        if actor.is_shop or actor.did(by.role, by.id):
            return cls.showing(by)
        return cls(role=by.role)

    @classmethod
    def of_row(cls, who: Mapping[str, Any], actor: Actor) -> "ByView":
        """What a column says of who did something, as `actor` may see it."""
        return cls.of(By.model_validate(who), actor)


class MoneyView(View):
    """An amount in minor units; `decimal` is the same as text with the currency's digits."""

    amount: int
    currency: str
    decimal: str


@lru_cache(maxsize=4096)  # an order shows dozens of amounts, most of them 0 or equal
def money(amount: int, currency: str) -> MoneyView:
    """`amount` minor units as responses show them."""
    return MoneyView(amount=amount, currency=currency, decimal=decimal_text(amount, currency))


class ActionView(View):
    """Whether the caller may do this now; if not, the code that the call would be refused with, and a sentence for people."""

    action: str
    allowed: bool
    code: str | None = None
    detail: str = ""

    @classmethod
    def of(cls, action: str, decision: Decision) -> "ActionView":
        """The decision of the rule that guards `action`."""
        return cls.showing(decision, action=action)


def actions(decisions: Mapping[str, Decision]) -> dict[str, ActionView]:
    """Decisions by action, as responses show them."""
    return {action: ActionView.of(action, decision) for action, decision in decisions.items()}


class Page(View, Generic[T]):
    """One page of a list. Follow `next_cursor` until it is null: a page may be short, even empty, and still have a next one."""

    items: list[T]
    next_cursor: str | None
    previous_cursor: str | None = None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Page[OrderView] is OrderPage in the OpenAPI document."""
        return f"{params[0].__name__.removesuffix('View')}Page"
