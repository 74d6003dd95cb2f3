"""Refunds as a file."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from services.refunds.export import MEDIA_TYPES, exported
from services.refunds.schemas.lists import RefundExport
from shared.web import Call, problems

router = APIRouter(tags=["refunds"])
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A file", "content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/jsonl")}}
}


@router.get("/v1/refunds/export", operation_id="refunds_export", response_class=StreamingResponse, responses=FILE | problems())
async def export(query: Annotated[RefundExport, Query()], call: Call) -> StreamingResponse:
    """Every refund that matches, the last requested first, streamed as CSV or JSON Lines. No cell begins as a formula would."""
    headers = {"Content-Disposition": f'attachment; filename="refunds.{query.format}"', "Cache-Control": "no-store"}
    lines = exported(call.db, call.actor, query.filter(call.now), query.format)
    return StreamingResponse(lines, media_type=MEDIA_TYPES[query.format], headers=headers)
