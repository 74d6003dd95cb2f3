"""Connects tools to a service's database: as that service's own role, and through any pooler in front of it.

No startup parameters are sent, since a pooler would refuse them (tools use `set local` within their transactions instead). Where the
services keep no prepared statements (AFTERSALE_DATABASE_STATEMENT_CACHE=0), tools keep none either.
"""

from typing import Any

import asyncpg

from deploy.operator import running
from deploy.operator.trouble import Trouble

CONNECT_SECONDS = 10
STATEMENT_CACHE = "200"


def statement_cache(service: str) -> int:
    """How many prepared statements a connection to this service's database may keep."""
    return int(running.setting(service, "DATABASE_STATEMENT_CACHE", STATEMENT_CACHE))


def database_url(service: str) -> str:
    """The URL of a service's database. Raises Trouble where it is not configured."""
    if url := running.setting(service, "DATABASE_URL"):
        return url
    raise Trouble(f"The database of {service} is not configured.", f"set AFTERSALE_{service.upper()}_DATABASE_URL")


async def opened(service: str, url: str | None = None, *, timeout_seconds: float = CONNECT_SECONDS) -> "asyncpg.Connection[Any]":
    """Connect to a service's database (or to `url`). Raises asyncpg's errors: OSError, TimeoutError, asyncpg.PostgresError."""
    return await asyncpg.connect(url or database_url(service), timeout=timeout_seconds, statement_cache_size=statement_cache(service))


async def reached(service: str, url: str | None = None) -> "asyncpg.Connection[Any]":
    """As opened(), but raises Trouble, for commands that cannot go on without the connection."""
    try:
        return await opened(service, url)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise Trouble(f"Cannot reach the database of {service}: {error}", "check that it runs; `aftersale doctor` says more") from error
