"""A store's refund settings."""

from fastapi import Response

from services.refunds.commands.policy import save_policy
from services.refunds.queries import policies as queries
from services.refunds.requests import RefundPolicyInput
from services.refunds.views.policy import RefundPolicyView
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, PreconditionRequired, Refused, VersionConflict
from shared.data.set_aside import shown
from shared.web.call import SHOP_ONLY, Call, Router, problems
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.views import Page

router = Router(tags=["refunds"])


@router.get("/v1/refund-policy", operation_id="refunds_policy_read", response_model=RefundPolicyView)
async def read(call: Call) -> Response:
    """The last saved version, which may apply only from a later day (`valid_from`)."""
    async with call.reading() as tx:
        policy = await queries.newest(tx, call.actor.store)
    return call.show(RefundPolicyView.of(policy, call.actor))


@router.put(
    "/v1/refund-policy",
    operation_id="refunds_policy_save",
    response_model=RefundPolicyView,
    responses=problems(Refused, VersionConflict, PreconditionRequired, Forbidden),
    openapi_extra=SHOP_ONLY,
)
async def save(body: RefundPolicyInput, call: Call) -> Response:
    """Save the next version, in force from now or from a later day. Earlier requests keep their version."""
    return await call.save("refunds.policy", lambda saved: RefundPolicyView.of(saved, call.actor), save_policy, body)


@router.get(
    "/v1/refund-policy/history",
    operation_id="refunds_policy_history_list",
    response_model=Page[RefundPolicyView],
    responses=problems(Forbidden),
    openapi_extra=SHOP_ONLY,
)
async def history(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Every saved version, newest first."""
    actor = call.actor
    shop_only(actor, to_read=True).or_raise()
    async with call.walking() as tx:
        page = await queries.policy_versions(tx, actor.store, cursor=cursor, limit=limit)
    items = await shown(
        call.db, "settings", page.items, lambda one: RefundPolicyView.of(one, actor), lambda one: (actor.store, str(one.version))
    )
    return call.show(Page[RefundPolicyView](items=items, next_cursor=page.next_cursor, previous_cursor=page.previous_cursor))
