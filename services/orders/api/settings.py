"""A store's settings for its orders."""

from fastapi import Response

from services.orders.commands.settings import save_settings
from services.orders.queries import settings as queries
from services.orders.requests.settings import OrderSettingsInput
from services.orders.views.settings import OrderSettingsVersionView, OrderSettingsView
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, PreconditionRequired, VersionConflict
from shared.data.set_aside import shown
from shared.web.call import Call, Router, problems
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.views import Page

router = Router()


@router.get("/orders-settings", operation_id="orders_settings_read", response_model=OrderSettingsView, responses=problems(Forbidden))
async def read(call: Call) -> Response:
    """The settings in force."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        return call.show(OrderSettingsView.of(await queries.settings_of(tx, call.actor.store)))


@router.put(
    "/orders-settings", operation_id="orders_settings_save", response_model=OrderSettingsView,
    responses=problems(Forbidden, VersionConflict, PreconditionRequired),
)  # fmt: skip
async def save(request: OrderSettingsInput, call: Call) -> Response:
    """Save a new version. If-Match is required, with the version that the caller read."""
    return await call.save("orders.settings", OrderSettingsView.of, save_settings, request)


@router.get(
    "/orders-settings/history",
    operation_id="orders_settings_history_list",
    response_model=Page[OrderSettingsVersionView],
    responses=problems(Forbidden),
)
async def history(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Every saved version, newest first."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.walking() as tx:
        page = await queries.settings_versions(tx, call.actor.store, cursor=cursor, limit=limit)
    items = await shown(
        call.db, "settings", page.items, OrderSettingsVersionView.of_saved, lambda one: (call.actor.store, str(one.version))
    )
    return call.show(Page[OrderSettingsVersionView](items=items, next_cursor=page.next_cursor, previous_cursor=page.previous_cursor))
