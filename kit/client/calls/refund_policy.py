"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from typing import Unpack

from kit.client.answers.refund_policy import RefundPolicyPage, RefundPolicyView
from kit.client.call import Call, new_key
from kit.client.connection import Connection
from kit.client.requests.refund_policy import RefundPolicyInput


class RefundPolicy:
    """Calls of `/v1/refund-policy…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self) -> RefundPolicyView:
        """The last saved version, which may apply only from a later day (`valid_from`)."""
        return await self._connection.answer(RefundPolicyView, Call("GET", "/v1/refund-policy"))

    async def read_if_changed(self, *, etag: str) -> RefundPolicyView | None:
        """As `read`, or None if what has the ETag `etag` is still the answer."""
        return await self._connection.answer_if_changed(RefundPolicyView, Call("GET", "/v1/refund-policy", if_none_match=etag))

    async def save(self, *, if_match: str, idempotency_key: str | None = None, **body: Unpack[RefundPolicyInput]) -> RefundPolicyView:
        """Save the next version, in force from now or from a later day. Earlier requests keep their version."""
        call = Call("PUT", "/v1/refund-policy", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(RefundPolicyView, call)

    async def list_history(self, *, limit: int | None = None, cursor: str | None = None) -> RefundPolicyPage:
        """Every saved version, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(RefundPolicyPage, Call("GET", "/v1/refund-policy/history", query=query))

    def all_history(self) -> AsyncIterator[RefundPolicyView]:
        """Every item of `list_history`, page by page."""
        return self._connection.items(RefundPolicyPage, Call("GET", "/v1/refund-policy/history"))
