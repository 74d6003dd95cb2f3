"""PostgreSQL: transaction() and execute_once() are the only commits in the codebase."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from shared.contracts.errors import NotFound, Transient, Unavailable
from shared.data.crash import crash_point
from shared.data.readable import read_everything, read_json
from shared.data.schema import KernelTables, kernel_tables
from shared.data.settings import DataSettings
from shared.data.shares import PART_OF_SHARE, Rules, Shares

log = structlog.get_logger()

T = TypeVar("T")
Parameters = dict[str, Any] | Sequence[dict[str, Any]] | None

TRY_AGAIN = ("40001", "40P01", "55P03", "57014")  # serialization failure, deadlock, lock timeout, statement timeout
AWAY = ("08", "53", "57P", "25006", "58")  # connection, resources (disk full), shutdown, read-only standby, system error
REFUSES_US = ("28", "3D", "3F", "42501", "42P01", "55000")  # login, database, schema, permission or table missing: an operator must fix it
CONNECTION_LOST = (ConnectionError, OSError, TimeoutError)


class Transaction:
    """Runs statements on one connection, inside one transaction (or none, for reading())."""

    def __init__(self, connection: AsyncConnection, kernel: KernelTables, service: str) -> None:
        self._connection = connection
        self.kernel = kernel
        self.service = service
        self.emitted = False

    async def execute(self, statement: sa.Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Run a statement; a list of parameters runs it for each of them. Raises Transient and Unavailable as transaction() does."""
        with _translated():
            return await self._connection.execute(statement, parameters)

    async def all(self, statement: sa.Executable, parameters: Parameters = None) -> Sequence[Row[Any]]:
        """Every row."""
        return (await self.execute(statement, parameters)).all()

    async def first(self, statement: sa.Executable, parameters: Parameters = None) -> Row[Any] | None:
        """The first row, or None."""
        return (await self.execute(statement, parameters)).first()

    async def found(self, statement: sa.Executable, missing: str) -> Row[Any]:
        """The first row. Raises NotFound with the detail `missing` if there is none."""
        row = await self.first(statement)
        if row is None:
            raise NotFound(detail=missing)
        return row

    async def scalar(self, statement: sa.Executable, parameters: Parameters = None) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(statement, parameters)).scalar()


class Database:
    """One service's connections, in its own schema and under its own role."""

    def __init__(self, settings: DataSettings, metadata: sa.MetaData) -> None:
        self.service = settings.service
        self.pool_size = settings.database_pool_size
        self.kernel = kernel_tables(metadata)
        self._woken_by_events: list[asyncio.Event] = []
        self.shares = Shares(f"{settings.service}.connections", _rules(settings), wait_seconds=settings.database_pool_timeout_seconds)
        part = settings.share_part_percent / 100 * PART_OF_SHARE
        walks = Rules(settings.walks_at_once, headroom=1, part=part, queue=settings.share_queue)
        self._walks = Shares(f"{settings.service}.walks", walks, wait_seconds=settings.database_pool_timeout_seconds, what="lists")
        self._engine = _engine(settings)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    def woken_by_events(self) -> asyncio.Event:
        """A new asyncio.Event, set after each commit of this process that may have emitted an event. Do not rely on it: poll as well.

        Each caller gets its own, which it waits for and clears. The relay has one.
        """
        woken = asyncio.Event()
        self._woken_by_events.append(woken)
        return woken

    def _wake(self) -> None:
        for woken in self._woken_by_events:
            woken.set()

    @property
    def connections_in_use(self) -> int:
        """How many connections are currently checked out of the pool."""
        pool = self._engine.pool
        return pool.checkedout() if isinstance(pool, AsyncAdaptedQueuePool) else 0

    @asynccontextmanager
    async def transaction(self, *names: str) -> AsyncIterator[Transaction]:
        """One transaction: commits at the end of the block, rolls back on any exception.

        `names` (such as "orders.cancel"; one for each thing that it does) name its crash points. Even if the task is cancelled,
        commit and rollback finish and the connection returns to the pool; otherwise connections would leak as `idle in
        transaction`.
        Raises Transient (nothing written, try again), Unavailable (database down; the outcome of a COMMIT is unknown) and StoreBusy.
        """
        give = await self.shares.take()
        connection = self._engine.connect()
        tx = Transaction(connection, self.kernel, self.service)
        try:
            with _translated():
                await _finished(connection.start())
            try:
                yield tx
                for name in names:
                    crash_point("commit.before", name)
                with _translated():
                    await _finished(connection.commit())
                for name in names:
                    crash_point("commit.after", name)
            except BaseException:
                await _rolled_back(connection)
                raise
        finally:
            if tx.emitted:
                self._wake()
            await _given_back(connection, give)

    @asynccontextmanager
    async def rehearsing(self) -> AsyncIterator[Transaction]:
        """One transaction that is always rolled back, for a dry run: what it writes and emits never was. Raises as transaction() does."""
        give = await self.shares.take()
        connection = self._engine.connect()
        try:
            with _translated():
                await _finished(connection.start())
            try:
                yield Transaction(connection, self.kernel, self.service)
            finally:
                await _rolled_back(connection)
        finally:
            await _given_back(connection, give)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """For queries only: each statement by itself, without the two round trips of BEGIN and COMMIT."""
        give = await self.shares.take()
        connection = self._autocommit.connect()
        try:
            with _translated():
                await _finished(connection.start())
            yield Transaction(connection, self.kernel, self.service)
        finally:
            await _given_back(connection, give)

    @asynccontextmanager
    async def walking(self) -> AsyncIterator[Transaction]:
        """Like reading(), for a page of a list, which may look at thousands of rows. Few run at a time, and stores take turns.

        A walk keeps one of the database's processors busy. If one store could run one on every connection, all others would slow down.
        """
        async with self._walks.of(), self.reading() as tx:
            yield tx

    async def execute_once(
        self, name: str, statement: sa.Executable, parameters: Parameters = None, *, emits: bool = True
    ) -> Sequence[Row[Any]]:
        """One statement that is a transaction by itself: the hot write, in one round trip. Wakes the relay if it `emits`."""
        give = await self.shares.take()
        with _translated():
            connection = self._autocommit.connect()
            try:
                await _finished(connection.start())
                crash_point("commit.before", name)
                rows = (await _finished(connection.execute(statement, parameters))).all()
                crash_point("commit.after", name)
            finally:
                await _given_back(connection, give)
        if emits:
            self._wake()
        return rows

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _rules(settings: DataSettings) -> Rules:
    return Rules(
        slots=settings.database_pool_size + settings.database_pool_overflow,
        headroom=settings.share_headroom,
        reserve=settings.database_system_connections,
        part=settings.share_part_percent / 100,
        queue=settings.share_queue,
    )


def _engine(settings: DataSettings) -> AsyncEngine:
    url = sa.make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+asyncpg")
    cache = settings.database_statement_cache
    engine = create_async_engine(
        url,
        json_deserializer=read_json,
        hide_parameters=True,  # an error's text reaches logs and parked messages, and customers' data must not
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_overflow,
        pool_timeout=settings.database_pool_timeout_seconds,
        connect_args={
            "timeout": settings.database_connect_timeout_seconds,
            "command_timeout": settings.database_command_timeout_seconds,
            "prepared_statement_cache_size": cache,
            "statement_cache_size": cache,
            "server_settings": {"application_name": f"aftersale-{settings.service}"},
        },
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.run_async(read_everything)

    return engine


async def _finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which runs to its end even if this task is cancelled; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as cancellation:
            if task.cancelled():
                raise
            cancelled = cancellation
        except BaseException:  # noqa: S110  (raised just below by task.result())
            pass
    if cancelled is not None:
        task.exception()  # mark it as seen
        raise cancelled
    return task.result()


async def _rolled_back(connection: AsyncConnection) -> None:
    """Roll back. If even that fails, the connection is lost, and PostgreSQL rolls back by itself."""
    with suppress(SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, *CONNECTION_LOST):
        await _finished(connection.rollback())


async def _given_back(connection: AsyncConnection, give: Callable[[], None]) -> None:
    """Return a connection, if one was opened, to the pool, then its slot. The pool replaces a lost connection."""
    try:
        if connection.sync_connection is not None:
            with suppress(SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, *CONNECTION_LOST):
                await _finished(connection.close())
    finally:
        give()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn driver errors into Transient or Unavailable; our own mistakes (a violated constraint, bad SQL) pass unchanged.

    Use it only around calls to the database: a handler's own OSError or timeout says nothing about the database.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise Unavailable(detail="Every database connection is in use.", retry_after_seconds=1) from error
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # the driver's own errors are raised while connecting
        failure = _failure(error)
        if failure is None:
            raise
        raise failure from error
    except SQLAlchemyError:
        raise
    except CONNECTION_LOST as error:
        raise Unavailable(detail="The database cannot be reached.", retry_after_seconds=2) from error


def _failure(error: Exception) -> Transient | Unavailable | None:
    """What a driver error means; None if it is our own mistake."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")
    if state in TRY_AGAIN:
        return Transient(detail="The database asked for a retry; nothing was changed.", retry_after_seconds=1)
    if state.startswith(REFUSES_US):
        log.error("database_refuses_us", sqlstate=state, error=f"{type(original).__name__}: {str(original)[:300]}")
        return Unavailable(detail="The database refuses this service's login or permissions.", retry_after_seconds=5)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or state.startswith(AWAY) or (not state and _connection_lost(original)):
        return Unavailable(detail="The database cannot be reached.", retry_after_seconds=2)
    return None


def _connection_lost(error: BaseException | None) -> bool:
    text = str(error).lower()
    return isinstance(error, CONNECTION_LOST) or "connection" in text or "closed" in text
