"""Items that need a person's attention."""

from fastapi import Response

from services.refunds.commands.attention import close_attention
from services.refunds.queries import attention as queries
from services.refunds.requests import CloseAttention
from services.refunds.views.attention import AttentionView
from shared.contracts.errors import Forbidden, NotFound, Refused
from shared.contracts.ids import AttentionId
from shared.data.db import Transaction
from shared.web.call import SHOP_ONLY, Call, Router, problems
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.views import Page

router = Router(tags=["refunds"])


@router.get(
    "/v1/refunds/attention",
    operation_id="refunds_attention_list",
    response_model=Page[AttentionView],
    responses=problems(Forbidden),
    openapi_extra=SHOP_ONLY,
)
async def list_attention(call: Call, closed: bool = False, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Open items, oldest first; or, with `closed`, the closed ones."""
    async with call.walking() as tx:
        page = await queries.page(tx, call.actor, closed=closed, cursor=cursor, limit=limit)
    view = Page[AttentionView]
    return await call.page(view, page, "attention", lambda one: AttentionView.of(one, call.actor), lambda one: one.attention_id)


@router.post(
    "/v1/refunds/attention/{attention_id}/close",
    operation_id="refunds_attention_close",
    response_model=AttentionView,
    responses=problems(NotFound, Refused, Forbidden),
    openapi_extra=SHOP_ONLY,
)
async def close(attention_id: AttentionId, body: CloseAttention, call: Call) -> Response:
    """Close an item with a note that says what was found."""

    async def work(tx: Transaction) -> AttentionView:
        return AttentionView.of(await close_attention(tx, call.actor, attention_id, body, now=call.now), call.actor)

    return await call.once("refunds.close_attention", work)
