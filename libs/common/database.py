"""The unit of work: one request, or one event, is one transaction, and this is its only commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

from libs.common.caller import Scope
from libs.common.committing import Answer
from libs.common.connections import Connections
from libs.common.domain import Aggregate, DomainEvent, Outdated
from libs.common.driver import Statement, within
from libs.common.marks import Mark
from libs.common.publication import Publication
from libs.common.sealing import Sealer
from libs.common.sessions import ReadingSession, RecordingSession


class Versioned(Protocol):
    fleeting: ClassVar[bool]
    id: UUID
    version: int

    def outlined(self) -> Self:
        """As roles see it that need no more of an identifier than its outline."""

    @property
    def in_part(self) -> bool:
        """Whether this caller sees less of it than others do."""

    @property
    def concerns(self) -> Sequence[UUID]:
        """The customers whose it is."""


@dataclass(frozen=True)
class Heard:
    """What an event came in: its id, who tells it, and its place among those of its subject."""

    event_id: UUID
    service: str
    sequence: int

    @classmethod
    def by(cls, source: str | None, event_id: UUID, sequence: int | None) -> Self:
        """`source` as CloudEvents have it: `/guanxi/customer`."""
        return cls(event_id, (source or "").rpartition("/")[2], sequence or 0)


WAIT_SECONDS = 5
"""For a connection; then the answer is that the database is busy."""

ANSWER_SECONDS = 2
"""Less than the probes of an orchestrator wait: it hears that the database is away, and not nothing."""

REVISION = "SELECT version_num FROM alembic_version"

Fetch = Callable[..., Awaitable[Sequence[Any]]]
"""Of SQL and its arguments, rows."""

VersionedT = TypeVar("VersionedT", bound=Versioned)


class SchemaBehind(Exception):
    """The tables are older than the code. Newer ones are well: migrations only add."""

    def __init__(self, stands: str, needs: str) -> None:
        super().__init__(f"the database is at migration {stands}, and this version needs {needs}")


class UnitOfWork:
    """An open transaction with the caller's scope. Use cases take it and never end it."""

    def __init__(self, database: "Database", session: Callable[[], AsyncSession], fetch: Fetch, scope: Scope) -> None:
        self.scope = scope
        self._session, self._fetch, self._database = session, fetch, database
        self.expected_version: int | None = None
        self.answered: Versioned | None = None
        self.shown: list[UUID] | None = None
        self.concerned: list[UUID] = []
        self.terms: list[str] = []
        self.heard: Heard | None = None
        """While an event is handled."""

    @property
    def session(self) -> AsyncSession:
        return self._session()

    @property
    def sealer(self) -> Sealer:
        """How this service stores identifiers."""
        if self._database.sealer is None:
            raise RuntimeError("this app holds no keys to customer data")
        return self._database.sealer

    async def fetch(self, statement: Statement, **given: Any) -> Sequence[Any]:
        """Rows by the driver itself: of this transaction where there is one, and then of what was flushed."""
        return await self._fetch(statement.sql, *statement.arguments(given))

    @property
    def written(self) -> list[Mark]:
        """What this transaction published, known once it is committed."""
        return list(self.session.info.get("marks", []))

    def record(self, happened: DomainEvent, *, sequence: int) -> None:
        """Record an event that no aggregate of this transaction stands behind."""
        self.session.info["events"].append((happened, sequence))

    def mark(self, stream: str, keys: Iterable[UUID]) -> None:
        """Publish these keys again although no event of this transaction dirties them."""
        self.session.info["extra_marks"].update((stream, key) for key in keys)

    def before_marks(self, find: Callable[[Session], Iterable[tuple[str, UUID]]]) -> None:
        """Find keys to publish again once, at the commit, for all that this transaction did: (stream, key)."""
        self.session.info["before_marks"].append(find)

    def at_commit(self, store: Callable[[Session], object]) -> None:
        """Do something in this transaction once its marks are locked."""
        self.session.info["at_commit"].append(store)

    def remember(self, answer: Answer) -> None:
        """Store how the command was answered, with what this transaction publishes."""
        self.session.info["answer"] = answer

    def answer(self, view: VersionedT) -> VersionedT:
        """Name the thing that the answer shows: for its ETag, the audit, and the answer to a repeated command.

        Returns it as the caller may see it.
        """
        self.answered = view
        self.show([view])
        return self.as_seen(view)

    def as_seen(self, view: VersionedT) -> VersionedT:
        return view.outlined() if self.scope.outlines else view

    def show(self, views: Sequence[Versioned]) -> None:
        """Name the things that the answer shows, for the audit."""
        self.shown = [view.id for view in views]
        self.about(*[customer_id for view in views for customer_id in view.concerns])

    def about(self, *customer_ids: UUID) -> None:
        """Name customers whom the request is about, found or not, for the audit."""
        self.shown = self.shown or []
        self.concerned.extend(customer_ids)

    def search(self, kind: str, term: str) -> None:
        """Name what was searched for: the audit keeps its blind index."""
        self.terms.append(f"{kind}={term}")

    def check_version(self, aggregate: Aggregate) -> None:
        """Hold what was loaded against the caller's If-Match."""
        if self.expected_version not in (None, aggregate.version):
            raise Outdated("It has changed since you read it; read it again.")


def new_engine(url: str, **options: Any) -> AsyncEngine:
    """The driver reads the address itself: SQLAlchemy would not understand `sslmode`, which production demands."""
    return create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), **options)


class Database:
    """A service's database as its application role sees it."""

    def __init__(
        self, url: str, *, publications: Sequence[Publication] = (), sealer: Sealer | None = None, pool: int = 10
    ) -> None:
        self.dsn = url
        self.engine: AsyncEngine = new_engine(url, pool_size=pool, max_overflow=0, pool_timeout=WAIT_SECONDS)
        self.sealer = sealer
        self._publications = publications
        self._connections = Connections(url, pool, WAIT_SECONDS)
        self._sessions = async_sessionmaker(
            self.engine, sync_session_class=RecordingSession, expire_on_commit=False, autoflush=True
        )
        self._readings = async_sessionmaker(
            self.engine.execution_options(isolation_level="AUTOCOMMIT"),
            sync_session_class=ReadingSession,
            expire_on_commit=False,
            autoflush=False,
        )
        self.on_commit: list[Callable[[], None]] = []
        self.needs: str | None = None
        """The migration that the code of this process is made for, where it says so."""

    @asynccontextmanager
    async def unit_of_work(self, scope: Scope) -> AsyncIterator[UnitOfWork]:
        """Commit at the end of the block; roll back when it raises."""
        session = self._sessions()
        session.info.update(
            publications=self._publications,
            events=[],
            extra_marks=set(),
            before_marks=[],
            marks=[],
            answer=None,
            at_commit=[],
        )
        try:
            yield UnitOfWork(self, lambda: session, lambda *told: session.run_sync(within, *told), scope)
            await session.commit()  # which gives back the connection, too
        except BaseException:
            await asyncio.shield(session.close())
            raise
        if session.info["marks"] or session.info["events"]:
            for wake in self.on_commit:
                wake()

    def reading(self, scope: Scope) -> "Reading":
        """A unit of work that changes nothing, and opens no session before it is asked for one."""
        return Reading(self, self._readings, scope)

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Any]:
        """Rows by the driver itself, each statement a transaction of its own."""
        return await self._connections.fetch(sql, arguments)

    @property
    def connections(self) -> dict[str, int]:
        """How many connections somebody is using at this moment, and how many are kept for whoever comes next."""
        pool: Any = self.engine.pool
        return {
            "used": pool.checkedout() + self._connections.used,
            "idle": pool.checkedin() + self._connections.idle,
        }

    async def answers(self) -> None:
        """On a connection of its own: that all others are at work says nothing.

        Raises:
            SchemaBehind: its migrations have not run. Anything else: it is away.
        """
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await asyncpg.connect(self.dsn)
            try:
                stands = await connection.fetchval(REVISION if self.needs else "SELECT 1")
            finally:
                connection.terminate()
        if self.needs and stands < self.needs:
            raise SchemaBehind(stands, self.needs)

    async def close(self) -> None:
        await self.engine.dispose()
        await self._connections.close()


class Reading:
    """By hand and not as a generator, which costs a tenth of a hot read."""

    def __init__(self, database: Database, sessions: Callable[[], AsyncSession], scope: Scope) -> None:
        self._database, self._sessions, self._scope = database, sessions, scope
        self._opened: AsyncSession | None = None

    async def __aenter__(self) -> UnitOfWork:
        return UnitOfWork(self._database, self._session, self._database.fetch, self._scope)

    async def __aexit__(self, *_error: object) -> None:
        if self._opened is not None:
            await self._opened.close()

    def _session(self) -> AsyncSession:
        if self._opened is None:
            self._opened = self._sessions()
        return self._opened
