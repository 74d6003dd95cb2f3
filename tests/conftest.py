"""Starts the real servers and the services once per run (in the xdist controller), and gives each test a fresh store."""

import logging
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest
import structlog
from hypothesis import settings

from deploy.local.servers import resolve
from deploy.operator.given import Servers
from tests.shop import Shop
from tests.stack import PROJECT, SERVICES, VARIABLE, Stack, new_stack

NEEDS_NO_STACK = (
    "tests/rules", "tests/contracts", "tests/deploy", "tests/test_tidy.py", "tests/test_dialect.py", "tests/test_readme.py",
    "tests/test_pages.py", "tests/proof/test_telling.py", "tests/services/webhooks/delivery",
)  # fmt: skip

settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci")

structlog.configure(  # kernel parts also run inside the test process; rich tracebacks would block its event loop for seconds
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
    wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
)

UNHURRIED_SECONDS = "60"
"""On a busy machine many concurrent callers wait longer for a connection than in production: that alone must not fail a test."""

_servers: Servers | None = None
_stack: Stack | None = None
_folder: tempfile.TemporaryDirectory[str] | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Use the same order and the same seed in every run; `pytest --randomly-seed=N` gives another order."""
    if getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed = 1
        config.option.randomly_reorganize = False


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the stack, unless this is an xdist worker (its controller did so) or every named test does without I/O."""
    global _servers, _stack, _folder  # noqa: PLW0603  (one per process, started and stopped by these two hooks)
    config = session.config
    if hasattr(config, "workerinput") or VARIABLE in os.environ or config.option.collectonly:
        return
    named = [os.path.relpath(argument.split("::")[0], PROJECT) for argument in config.args]
    if named and all(path.startswith(NEEDS_NO_STACK) for path in named):
        return
    _servers = resolve(PROJECT, "test", say=lambda line: print(line, flush=True))  # noqa: T201  (pytest shows it)
    _folder = tempfile.TemporaryDirectory(prefix="aftersale-test-")
    _stack = new_stack(_servers, Path(_folder.name))
    process = _stack.run(*SERVICES, AFTERSALE_DATABASE_POOL_TIMEOUT_SECONDS=UNHURRIED_SECONDS).wait_until_ready()
    _stack.urls, _stack.address = process.urls, process.address
    _stack.tell()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what was started, and nothing else."""
    if _stack is not None:
        os.environ.pop(VARIABLE, None)
        if session.testsfailed:
            kept = Path(tempfile.gettempdir()) / "aftersale-test-last.log"
            kept.write_bytes(Path(_stack.log).read_bytes())
        _stack.stop()
    if _servers is not None:
        _servers.stop()
    if _folder is not None:
        _folder.cleanup()


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The running system of this test run."""
    return Stack.known()


@pytest.fixture(scope="session")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """One HTTP client for the run."""
    limits = httpx2.Limits(max_connections=200, max_keepalive_connections=50)
    async with httpx2.AsyncClient(timeout=120, limits=limits) as made:
        yield made


@pytest.fixture(scope="session")
async def pools() -> AsyncIterator[dict[str, asyncpg.Pool]]:
    """Connections for reading the services' own tables."""
    made: dict[str, asyncpg.Pool] = {}
    yield made
    for pool in made.values():
        await pool.close()


@pytest.fixture
def shop(stack: Stack, client: httpx2.AsyncClient, pools: dict[str, asyncpg.Pool]) -> Shop:
    """A fresh store."""
    return Shop(stack, client, pools)
