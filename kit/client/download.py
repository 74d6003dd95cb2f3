"""A binary answer, read as it arrives: a PDF, an archive, an export."""

from collections.abc import AsyncIterator
from email.message import Message

import httpx2

from kit.client.problems import NoAnswer


class Download:
    """The content of an answer whose head has arrived. It is not repeated if it breaks off: then reading raises NoAnswer."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    @property
    def media_type(self) -> str:
        """Such as application/pdf, without parameters."""
        return str(self._response.headers.get("content-type", "")).partition(";")[0].strip()

    @property
    def name(self) -> str | None:
        """The file's name, if the server gives it one."""
        head = Message()
        head["Content-Disposition"] = self._response.headers.get("content-disposition", "")
        return head.get_filename()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content, piece by piece."""
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx2.HTTPError as error:
            raise NoAnswer(f"The download broke off: {type(error).__name__} {error}", sent=True) from error

    async def read(self) -> bytes:
        """The whole content."""
        return b"".join([chunk async for chunk in self.chunks()])
