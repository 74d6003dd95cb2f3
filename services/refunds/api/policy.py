"""A store's refund settings."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from services.refunds.commands.policy import save_policy
from services.refunds.queries import policies as queries
from services.refunds.requests import RefundPolicyInput
from services.refunds.rules.policy import DEFAULT_POLICY
from services.refunds.views.policy import RefundPolicyView
from shared.contracts.errors import Forbidden, PreconditionRequired, Refused, VersionConflict
from shared.data.db import Transaction
from shared.data.set_aside import shown
from shared.web.call import SHOP_ONLY, Call, Router, problems
from shared.web.pages import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, encode_cursor
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
    """Save the next version, from now or from a later day on. What was requested before keeps its version."""
    expected = call.if_match_required

    async def work(tx: Transaction) -> RefundPolicyView:
        saved = await save_policy(tx, call.actor, body, now=call.now, expected_version=expected)
        return RefundPolicyView.of(saved, call.actor)

    return await call.once("refunds.policy", work, idempotent="optional")


@router.get(
    "/v1/refund-policy/history",
    operation_id="refunds_policy_history_list",
    response_model=Page[RefundPolicyView],
    responses=problems(Forbidden),
    openapi_extra=SHOP_ONLY,
)
async def history(
    call: Call,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(), Field(max_length=512)] = None,
) -> Response:
    """Every version with who saved it and when, newest first; the defaults (version 0) come last."""
    before = decode_cursor(cursor, (int,))[0] if cursor else None
    async with call.reading() as tx:
        found = await queries.versions(tx, call.actor.store, before=before, limit=limit)
    actor = call.actor
    items = await shown(
        call.db, "settings", found, lambda one: RefundPolicyView.of(one, actor), lambda one: (actor.store, str(one.version))
    )
    complete = len(found) < limit
    if complete and before != DEFAULT_POLICY.version:
        items.append(RefundPolicyView.of(DEFAULT_POLICY, actor))
    return call.show(Page[RefundPolicyView](items=items, next_cursor=None if complete else encode_cursor([found[-1].version])))
