"""A store's refund settings."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field
from sqlalchemy.engine import Row

from services.refunds.commands.policy import save_policy
from services.refunds.queries import policies as queries
from services.refunds.requests import RefundPolicyInput
from services.refunds.rules.policy import DEFAULT_POLICY
from services.refunds.state import DEFAULT_REASONS
from services.refunds.views import ByView, PolicyPage, RefundPolicyView
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden, PreconditionRequired, Refused, VersionConflict
from shared.data.db import Transaction
from shared.data.set_aside import shown
from shared.web.app import Call, Router, problems
from shared.web.pages import DEFAULT_LIMIT, MAX_LIMIT, Int32, decode_cursor, encode_cursor

router = Router(tags=["refunds"])


def _view(row: Row[Any] | None, actor: Actor) -> RefundPolicyView:
    policy = queries.policy_of(row)
    same = ("version", "valid_from", "manage_stock", "attachments", "deduct_shipping", "window_days", "overdue_after_hours")
    return RefundPolicyView(
        **{name: getattr(policy, name) for name in same},
        reasons=list(policy.reasons),
        changed_by=ByView.of(row.changed_by, actor) if row else None,
        changed_at=row.changed_at if row else None,
    )


@router.get("/v1/refund-policy", operation_id="refunds_policy_read", response_model=RefundPolicyView)
async def read(call: Call) -> Response:
    """The last saved version, which `valid_from` may put on a later day."""
    async with call.reading() as tx:
        row = await queries.newest(tx, call.actor.store)
    return call.show(_view(row, call.actor))


@router.put(
    "/v1/refund-policy",
    operation_id="refunds_policy_save",
    response_model=RefundPolicyView,
    responses=problems(Refused, VersionConflict, PreconditionRequired, Forbidden),
)
async def save(body: RefundPolicyInput, call: Call) -> Response:
    """Save the next version, from now or from a later day on. What was requested before keeps its version."""
    expected = call.if_match_required

    async def work(tx: Transaction) -> RefundPolicyView:
        row = await save_policy(tx, call.actor, body.settings(DEFAULT_REASONS), now=call.now, expected_version=expected)
        return _view(row, call.actor)

    return await call.once("refunds.policy", work, idempotent="optional")


@router.get(
    "/v1/refund-policy/history", operation_id="refunds_policy_history_list", response_model=PolicyPage, responses=problems(Forbidden)
)
async def history(
    call: Call,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(), Field(max_length=512)] = None,
) -> Response:
    """Every version with who saved it and when, newest first; the defaults (version 0) come last."""
    if not call.actor.is_shop:
        raise Forbidden("staff_only", "Only the shop may do this.")
    before = decode_cursor(cursor, (Int32,))[0] if cursor else None
    async with call.reading() as tx:
        rows = await queries.versions(tx, call.actor.store, before=before, limit=limit)
    items = await shown(call.db, "policies", rows, lambda row: _view(row, call.actor), lambda row: (call.actor.store, str(row.version)))
    complete = len(rows) < limit
    if complete and before != DEFAULT_POLICY.version:
        items.append(_view(None, call.actor))
    return call.show(PolicyPage(items=items, next_cursor=None if complete else encode_cursor([rows[-1].version])))
