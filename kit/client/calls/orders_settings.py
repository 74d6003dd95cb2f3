"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from typing import Unpack

from kit.client.answers.orders_settings import OrderSettingsVersionPage, OrderSettingsVersionView, OrderSettingsView
from kit.client.call import Call, new_key
from kit.client.connection import Connection
from kit.client.requests.orders_settings import OrderSettingsInput


class OrdersSettings:
    """Calls of `/v1/orders-settings…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self) -> OrderSettingsView:
        """The settings in force."""
        return await self._connection.answer(OrderSettingsView, Call("GET", "/v1/orders-settings"))

    async def read_if_changed(self, *, etag: str) -> OrderSettingsView | None:
        """As `read`, or None if what has the ETag `etag` is still the answer."""
        return await self._connection.answer_if_changed(OrderSettingsView, Call("GET", "/v1/orders-settings", if_none_match=etag))

    async def save(
        self,
        *,
        dry_run: bool | None = None,
        if_match: str,
        idempotency_key: str | None = None,
        **body: Unpack[OrderSettingsInput],
    ) -> OrderSettingsView:
        """Save a new version. If-Match is required, with the version that the caller read."""
        query = {"dry_run": dry_run}
        call = Call("PUT", "/v1/orders-settings", if_match=if_match, key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(OrderSettingsView, call)

    async def list_history(self, *, limit: int | None = None, cursor: str | None = None) -> OrderSettingsVersionPage:
        """Every saved version, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(OrderSettingsVersionPage, Call("GET", "/v1/orders-settings/history", query=query))

    def all_history(self) -> AsyncIterator[OrderSettingsVersionView]:
        """Every item of `list_history`, page by page."""
        return self._connection.items(OrderSettingsVersionPage, Call("GET", "/v1/orders-settings/history"))
