"""A store's settings for its orders."""

from functools import partial

from fastapi import Response

from services.orders.commands.settings import save_settings
from services.orders.queries import settings as queries
from services.orders.requests.settings import OrderSettingsInput
from services.orders.views.settings import OrderSettingsVersionView, OrderSettingsView
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, PreconditionRequired, Refused, VersionConflict
from shared.web.call import Call, DryRun, Router, problems
from shared.web.settings_history import serve_history
from shared.web.views import Page

router = Router()


@router.get("/orders-settings", operation_id="orders_settings_read", response_model=OrderSettingsView, responses=problems(Forbidden))
async def read(call: Call) -> Response:
    """The settings in force."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        return call.show(OrderSettingsView.showing(await queries.settings_of(tx, call.actor.store)))


@router.put(
    "/orders-settings", operation_id="orders_settings_save", response_model=OrderSettingsView,
    responses=problems(Forbidden, VersionConflict, PreconditionRequired, Refused),
)  # fmt: skip
async def save(request: OrderSettingsInput, call: Call, dry_run: DryRun = False) -> Response:
    """Save a new version. If-Match is required, with the version that the caller read."""
    command = partial(save_settings, dry_run=dry_run)
    return await call.save("orders.settings", OrderSettingsView.showing, command, request, dry_run=dry_run)


serve_history(
    router,
    "/orders-settings",
    "orders_settings",
    queries.settings_versions,
    page=Page[OrderSettingsVersionView],
    view=OrderSettingsVersionView.of,
)
