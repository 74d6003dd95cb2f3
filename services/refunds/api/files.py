"""Files for refund requests: private, checked by content, served only as downloads."""

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile

from services.refunds.commands import files
from services.refunds.files import check, store
from services.refunds.queries.details import file_for
from services.refunds.requests import MAX_ATTACHMENTS, MAX_UPLOAD_BODY_BYTES
from services.refunds.settings import RefundsEnvironment
from services.refunds.state import Attachment
from services.refunds.views.files import AttachmentView, UploadLimitsView, UploadTypeView
from shared.contracts.errors import Failure, Invalid, NotFound, Refused, StoreBusy, TooLarge, Unavailable
from shared.contracts.ids import AttachmentId, new_id
from shared.data.db import Transaction
from shared.web.call import Call, Calling, Router, problems, replayed

router = Router(tags=["refunds"])
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "customer_id": {"type": "string", "description": "The customer whose file it is; required if the shop uploads it"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/v1/attachments",
    operation_id="refunds_attachment_upload",
    status_code=201,
    response_model=AttachmentView,
    responses=problems(Refused, TooLarge, Invalid),
    openapi_extra=FORM,
    max_body_size=MAX_UPLOAD_BODY_BYTES,
)
async def upload(call: Call) -> Response:
    """Upload a JPEG, PNG, WebP or PDF for a later refund request. Images are re-encoded, which drops EXIF."""
    settings = settings_of(call)
    async with _form(call) as form:
        source, customer_id = _file(form), _customer(call, form)
        if (source.size or 0) > settings.attachment_max_bytes:
            raise TooLarge("file_too_large", f"A file can have at most {settings.attachment_max_bytes} bytes.")
        async with check.turns(settings).of():  # only now: a slow sender must not hold a turn while it sends
            return await _taken(call, settings, source, customer_id)


async def _taken(call: Calling, settings: RefundsEnvironment, source: UploadFile, customer_id: str) -> Response:
    """The answer to an upload that has arrived: its file is checked and stored, and then it gets its row."""
    asked = f"{source.filename}\n{customer_id}\n{await asyncio.to_thread(_hash, source.file)}".encode()
    earlier = await call.stored(await call.reservation(body=asked))
    if earlier is not None:
        return replayed(earlier)
    async with call.reading() as tx:
        await files.may_upload(tx, call.actor, customer_id, settings.attachment_unused_max, now=call.now)
    stored = await _store(call, settings, source, customer_id)

    async def work(tx: Transaction) -> AttachmentView:
        await files.add_upload(tx, call.actor, stored, settings.attachment_unused_max, now=call.now)
        return AttachmentView.showing(stored)

    try:
        answer = await call.once("refunds.upload", work, status=201, body=asked)
    except Failure as failure:
        if isinstance(failure, StoreBusy) or not isinstance(failure, Unavailable):  # COMMIT's outcome unknown: left to the sweeper
            await _delete(call, stored)
        raise
    if "idempotent-replayed" in answer.headers:
        await _delete(call, stored)
    return answer


async def _delete(call: Calling, stored: Attachment) -> None:
    """Delete the file of an upload that has no row."""
    await store.delete(store.store_of(settings_of(call)), store.key_of(call.actor.store, stored.attachment_id))


@router.get("/v1/attachments/limits", operation_id="refunds_attachment_limits_read", response_model=UploadLimitsView, responses=problems())
async def limits(call: Call) -> Response:
    """The limits of uploads, so that a form can show them before anything is sent."""
    settings = settings_of(call)
    types = [UploadTypeView(media_type=media_type, max_pixels=check.max_pixels(kind, settings)) for kind, media_type in check.TYPES.items()]
    return call.show(
        UploadLimitsView(
            types=[*types, UploadTypeView(media_type=check.PDF, max_pixels=None)],
            max_bytes=settings.attachment_max_bytes,
            max_side_pixels=settings.image_max_side_pixels,
            max_unused=settings.attachment_unused_max,
            unused_hours=settings.attachment_unused_hours,
            max_in_a_request=MAX_ATTACHMENTS,
        )
    )


@router.get(
    "/v1/attachments/{attachment_id}", operation_id="refunds_attachment_download", response_class=Response, responses=problems(NotFound)
)
async def download(attachment_id: AttachmentId, call: Call) -> Response:
    """A file's content, for those who may see its refund; always served as a download."""
    async with call.reading() as tx:
        row = await file_for(tx, call.actor, attachment_id)
    try:
        parts = await store.read(store.store_of(settings_of(call)), store.key_of(call.actor.store, attachment_id))
    except FileNotFoundError as error:
        raise NotFound(detail="The file was deleted.") from error
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
        "Content-Length": str(row.size_bytes),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(parts, media_type=row.media_type, headers=headers)


def settings_of(call: Calling) -> RefundsEnvironment:
    """The service's own settings."""
    assert isinstance(call.settings, RefundsEnvironment)  # app.py names no other
    return call.settings


def _form(call: Calling) -> Any:
    if not call.request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Invalid("file_missing", "Send the file as multipart/form-data, in the field `file`.")
    return call.request.form(max_files=1, max_fields=2, max_part_size=1_000)


def _file(form: Any) -> UploadFile:
    source = form.get("file")
    if not isinstance(source, UploadFile):
        raise Invalid("file_missing", "Send the file as multipart/form-data, in the field `file`.")
    return source


def _customer(call: Calling, form: Any) -> str:
    if not call.actor.is_shop:
        return call.actor.id
    customer_id = form.get("customer_id")
    if not isinstance(customer_id, str) or not 0 < len(customer_id) <= 128:
        raise Invalid("customer_missing", "Name the customer whose file it is in the field `customer_id`.")
    return customer_id


async def _store(call: Calling, settings: RefundsEnvironment, source: UploadFile, customer_id: str) -> Attachment:
    """Check the file, re-encode it and store it; it has no row yet."""
    attachment_id = new_id("attachment")
    with tempfile.TemporaryDirectory(prefix="aftersale-upload-") as folder:
        checked = await check.check(source.file, Path(folder), settings)
        sha256 = await asyncio.to_thread(files.digest, checked.path)
        size = checked.path.stat().st_size
        await store.put(store.store_of(settings), store.key_of(call.actor.store, attachment_id), checked.path)
    name = check.plain_name(source.filename or "", checked.media_type)
    return Attachment(
        attachment_id=attachment_id,
        customer_id=customer_id,
        name=name,
        media_type=checked.media_type,
        size_bytes=size,
        sha256=sha256,
        uploaded_at=call.now,
    )


def _hash(source: IO[bytes]) -> str:
    source.seek(0)
    return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]  # a spooled file reads into buffers as well
