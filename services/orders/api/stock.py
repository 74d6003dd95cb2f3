"""The shop's stock: levels, corrections, the ledger."""

from typing import Annotated

from fastapi import Path, Query, Response

from services.orders.commands.stock import adjust_level, set_level
from services.orders.queries import stock as queries
from services.orders.requests.stock import MAX_ON_HAND, AdjustmentInput, LevelInput
from services.orders.views.stock import LevelView, MovementView
from shared.contracts.errors import Forbidden, NotFound, Refused, VersionConflict
from shared.data.db import Transaction
from shared.web.call import Call, DryRun, Router, problems
from shared.web.inputs import Sku
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.views import Page

router = Router()

SkuPath = Annotated[Sku, Path()]


@router.get("/stock", operation_id="orders_stock_list", response_model=Page[LevelView], responses=problems())
async def levels(
    call: Call,
    below: Annotated[int | None, Query(ge=-MAX_ON_HAND, le=MAX_ON_HAND)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Tracked SKUs, scarcest first; `below=10` lists those with fewer than 10 units, `below=0` those that were oversold."""
    async with call.walking() as tx:
        page = await queries.levels(tx, call.actor, below=below, cursor=cursor, limit=limit)
    return await call.page(Page[LevelView], page, "stock_levels", LevelView.showing, lambda level: level.sku)


@router.get("/stock/{sku}", operation_id="orders_stock_read", response_model=LevelView, responses=problems(NotFound))
async def level(sku: SkuPath, call: Call) -> Response:
    """How many units of a SKU can still be sold."""
    async with call.reading() as tx:
        return call.show(LevelView.showing(await queries.level_of(tx, call.actor, sku)))


@router.put("/stock/{sku}", operation_id="orders_stock_save", response_model=LevelView, responses=problems(Forbidden, VersionConflict))
async def count(sku: SkuPath, request: LevelInput, call: Call, dry_run: DryRun = False) -> Response:
    """Start tracking a SKU, or correct its level to the counted number."""
    return await call.change(
        "stock.set", lambda level, _: LevelView.showing(level), set_level, sku, request, idempotent="optional", dry_run=dry_run
    )


@router.post(
    "/stock/{sku}/adjustments",
    operation_id="orders_stock_adjust",
    response_model=LevelView,
    responses=problems(Forbidden, NotFound, Refused),
)
async def adjust(sku: SkuPath, request: AdjustmentInput, call: Call, dry_run: DryRun = False) -> Response:
    """Add or remove units of a tracked SKU, with a reason."""

    async def work(tx: Transaction) -> LevelView:
        return LevelView.showing(await adjust_level(tx, call.actor, sku, request, now=call.now))

    return await call.once("stock.adjust", work, dry_run=dry_run)


@router.get(
    "/stock/{sku}/movements", operation_id="orders_stock_movement_list", response_model=Page[MovementView], responses=problems(NotFound)
)
async def movements(sku: SkuPath, call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """The ledger of a SKU, newest first."""
    async with call.walking() as tx:
        page = await queries.movements(tx, call.actor, sku, cursor=cursor, limit=limit)
    return await call.page(Page[MovementView], page, "stock_movements", MovementView.showing, lambda one: f"{one.sku} {one.sequence}")
