"""The history of a store's settings: the versions of shared/data/settings_versions.py as a list, newest first."""

from typing import TypeVar

import sqlalchemy as sa

from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.pages import Key, Walked, walk

T = TypeVar("T")


async def versions(table: sa.Table, kind: type[T], tx: Transaction, store_id: str, *, cursor: str | None, limit: int) -> Walked[T]:
    """A page of the versions that a store has saved, each a `kind`: a dataclass whose fields are columns of `table`.

    Raises Invalid `bad_cursor`.
    """
    saved = sa.select(*columns_of(table, kind)).where(table.c.store_id == store_id)
    page = await walk(tx, Key(table.c.version, newest_first=True), saved, cursor=cursor, limit=limit)
    return page.each(lambda row: kind(**row._mapping))
