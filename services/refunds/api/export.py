"""Refunds as a file."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse

from services.refunds.export import MEDIA_TYPES, exported
from services.refunds.schemas.lists import RefundExport
from shared.web.app import Call, Router, problems
from shared.web.exports import Export

router = Router(tags=["refunds"])
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A file", "content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/jsonl")}}
}


@router.get("/v1/refunds/export", operation_id="refunds_export", response_class=StreamingResponse, responses=FILE | problems())
async def export(query: Annotated[RefundExport, Query()], call: Call) -> Export:
    """Every refund that matches, the last requested first, as CSV or JSON Lines. No cell begins as a formula would.

    Made while it is sent, so not one moment's picture: a refund that exists throughout is in it once, as it was when its page was read.
    """
    pieces = exported(call, query.filter(call.now), query.format)
    return Export(pieces, call.running.exporting, file_name=f"refunds.{query.format}", media_type=MEDIA_TYPES[query.format])
