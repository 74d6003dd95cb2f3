"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from contextlib import AbstractAsyncContextManager

from kit.client.answers.attachments import UploadLimitsView
from kit.client.answers.shared import AttachmentView
from kit.client.call import Call, File, new_key, segment
from kit.client.connection import Connection
from kit.client.download import Download


class Attachments:
    """Calls of `/v1/attachments…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def upload(self, file: File, *, customer_id: str | None = None, idempotency_key: str | None = None) -> AttachmentView:
        """Upload a JPEG, PNG, WebP or PDF for a later refund request. Images are re-encoded, which drops EXIF."""
        call = Call("POST", "/v1/attachments", files={"file": file}, form={"customer_id": customer_id}, key=idempotency_key or new_key())
        return await self._connection.answer(AttachmentView, call)

    async def read_limits(self) -> UploadLimitsView:
        """The limits of uploads, so that a form can show them before anything is sent."""
        return await self._connection.answer(UploadLimitsView, Call("GET", "/v1/attachments/limits"))

    def download(self, attachment_id: str) -> AbstractAsyncContextManager[Download]:
        """A file's content, for those who may see its refund; always served as a download."""
        return self._connection.download(Call("GET", f"/v1/attachments/{segment(attachment_id)}"))
