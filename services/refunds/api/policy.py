"""A store's refund settings."""

from fastapi import Response

from services.refunds.commands.policy import save_policy
from services.refunds.queries import policies as queries
from services.refunds.requests import RefundPolicyInput
from services.refunds.views.policy import RefundPolicyView
from shared.contracts.errors import Forbidden, PreconditionRequired, Refused, VersionConflict
from shared.web.call import SHOP_ONLY, Call, Router, problems
from shared.web.settings_history import serve_history
from shared.web.views import Page

router = Router(tags=["refunds"])


@router.get("/v1/refund-policy", operation_id="refunds_policy_read", response_model=RefundPolicyView)
async def read(call: Call) -> Response:
    """The last saved version, which may apply only from a later day (`valid_from`)."""
    async with call.reading() as tx:
        policy = await queries.newest_policy(tx, call.actor.store)
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


serve_history(router, "/v1/refund-policy", "refunds_policy", queries.policy_versions, page=Page[RefundPolicyView], view=RefundPolicyView.of)
