"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from typing import Unpack

from kit.client.answers.stock import LevelPage, LevelView, MovementPage, MovementView
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection
from kit.client.requests.stock import AdjustmentInput, LevelInput


class Stock:
    """Calls of `/v1/stock…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, *, below: int | None = None, limit: int | None = None, cursor: str | None = None) -> LevelPage:
        """Tracked SKUs, scarcest first; `below=10` lists those with fewer than 10 units, `below=0` those that were oversold."""
        query = {"below": below, "limit": limit, "cursor": cursor}
        return await self._connection.answer(LevelPage, Call("GET", "/v1/stock", query=query))

    def all(self, *, below: int | None = None) -> AsyncIterator[LevelView]:
        """Every item of `list`, page by page."""
        query = {"below": below}
        return self._connection.items(LevelPage, Call("GET", "/v1/stock", query=query))

    async def read(self, sku: str) -> LevelView:
        """How many units of a SKU can still be sold."""
        return await self._connection.answer(LevelView, Call("GET", f"/v1/stock/{segment(sku)}"))

    async def read_if_changed(self, sku: str, *, etag: str) -> LevelView | None:
        """As `read`, or None if what has the ETag `etag` is still the answer."""
        return await self._connection.answer_if_changed(LevelView, Call("GET", f"/v1/stock/{segment(sku)}", if_none_match=etag))

    async def save(
        self,
        sku: str,
        *,
        dry_run: bool | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[LevelInput],
    ) -> LevelView:
        """Start tracking a SKU, or correct its level to the counted number."""
        query = {"dry_run": dry_run}
        call = Call("PUT", f"/v1/stock/{segment(sku)}", if_match=if_match, key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(LevelView, call)

    async def adjust(
        self,
        sku: str,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[AdjustmentInput],
    ) -> LevelView:
        """Add or remove units of a tracked SKU, with a reason."""
        query = {"dry_run": dry_run}
        call = Call("POST", f"/v1/stock/{segment(sku)}/adjustments", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(LevelView, call)

    async def list_movements(self, sku: str, *, limit: int | None = None, cursor: str | None = None) -> MovementPage:
        """The ledger of a SKU, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(MovementPage, Call("GET", f"/v1/stock/{segment(sku)}/movements", query=query))

    def all_movements(self, sku: str) -> AsyncIterator[MovementView]:
        """Every item of `list_movements`, page by page."""
        return self._connection.items(MovementPage, Call("GET", f"/v1/stock/{segment(sku)}/movements"))
