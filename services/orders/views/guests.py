"""Response bodies of guest links."""

from datetime import datetime
from typing import ClassVar, Literal

from services.orders.state import Link
from shared.contracts.actor import Actor
from shared.web.views import ByView, View


class GuestLinkView(View):
    """A link that reads this one order until it expires. Its token is shown when it is created, and in replays of that call soon after."""

    secrets: ClassVar[tuple[str, ...]] = ("token",)

    link_id: str
    order_id: str
    token: str | None
    by: ByView
    created_at: datetime
    expires_at: datetime
    audience: Literal["guest"] = "guest"

    @classmethod
    def of(cls, link: Link, actor: Actor, token: str | None = None) -> "GuestLinkView":
        """A link as `actor` may see it."""
        return cls.showing(link, token=token, by=ByView.of(link.by, actor), audience="guest")


class GuestLinksView(View):
    """The order's valid links, newest first."""

    items: list[GuestLinkView]
