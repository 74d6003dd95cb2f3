"""A service's database as a tool opens it: as that service's own role, through any pooler in front of it.

No startup parameter is sent, which a pooler would refuse (a tool says `set local` within its transaction instead), and where the
services keep no prepared statements (AFTERSALE_DATABASE_STATEMENT_CACHE=0) neither does a tool.
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
    """A connection to a service's database (or to `url`). Raises what asyncpg raises: OSError, TimeoutError, asyncpg.PostgresError."""
    return await asyncpg.connect(url or database_url(service), timeout=timeout_seconds, statement_cache_size=statement_cache(service))


async def reached(service: str, url: str | None = None) -> "asyncpg.Connection[Any]":
    """As opened(), for commands that need it. Raises Trouble."""
    try:
        return await opened(service, url)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise Trouble(f"Cannot reach the database of {service}: {error}", "check that it runs; `aftersale doctor` says more") from error
