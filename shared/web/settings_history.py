"""The history of a store's settings: the versions of shared/data/settings_versions.py as a list, newest first."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from fastapi import Response

from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Forbidden
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.call import SHOP_ONLY, Call, Router, problems
from shared.web.pages import DEFAULT_LIMIT, Cursor, Key, Limit, Walked, walk
from shared.web.views import ByView, Page, View

T = TypeVar("T")


class SavedView(View):
    """When a version was saved, and by whom."""

    saved_at: datetime
    saved_by: ByView

    @classmethod
    def of(cls, saved: Any, actor: Actor) -> Self:
        """A version with its `saved_by` as `actor` may see it."""
        return cls.showing(saved, saved_by=ByView.of_row(saved.saved_by, actor))


async def versions(table: sa.Table, kind: type[T], tx: Transaction, actor: Actor, *, cursor: str | None, limit: int) -> Walked[T]:
    """A page of the versions that a store has saved, each a `kind`: a dataclass whose fields are columns of `table`.

    Raises Forbidden, Invalid `bad_cursor`.
    """
    shop_only(actor, to_read=True).or_raise()
    saved = sa.select(*columns_of(table, kind)).where(table.c.store_id == actor.store)
    return await walk(tx, Key(table.c.version, newest_first=True), kind, saved, cursor=cursor, limit=limit)


def serve_history(
    router: Router,
    path: str,
    operation: str,
    query: Callable[..., Awaitable[Walked[Any]]],
    *,
    page: type[Page[Any]],
    view: Callable[[Any, Actor], View],
) -> None:
    """Serve `path`/history to the shop: what `query` finds, which is versions() of one table, in pages of `view`."""

    @router.get(
        f"{path}/history",
        operation_id=f"{operation}_history_list",
        response_model=page,
        responses=problems(Forbidden),
        openapi_extra=SHOP_ONLY,
    )
    async def history(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
        """Every saved version, newest first."""
        async with call.walking() as tx:
            found = await query(tx, call.actor, cursor=cursor, limit=limit)
        return await call.page(page, found, "settings", lambda one: view(one, call.actor), lambda one: str(one.version))
