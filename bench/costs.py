"""What one request pays for a limit, for its audit entry, for its idempotency key: microseconds of this process."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

from starlette.requests import Request

from bench.ground import Ground
from gateway.limits.storage import InDatabase
from libs.common.audit import AuditTrail, Entry
from libs.common.authentication import Principal
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.idempotency import Attempt
from libs.common.keyring import KeyRing
from libs.common.limits import InProcess, Limiter
from libs.directory.scope import SystemScope

AT_ONCE, ROUNDS = 16, 5
BLOCK, FLUSHES = 8192, 2000
BETWEEN_SECONDS = 0.001
"""From one flush to the next, as at one connection."""
PRINCIPAL = Principal(issuer="bench", subject="bench", alias="bench", roles=frozenset(), expires_at=0.0)

LIMITS = {"read": "1000000000/minute"}

Work = Callable[[], Awaitable[object]]


def flushes(home: Path) -> tuple[float, float]:
    """Milliseconds until the disk holds a block, which whoever is audited waits for: the median, and p99."""
    with (home / "flushed").open("wb", buffering=0) as file:
        file.write(bytes(BLOCK * FLUSHES))
        os.fsync(file.fileno())
        file.seek(0)
        found = []
        for _ in range(FLUSHES):
            time.sleep(BETWEEN_SECONDS)
            file.write(bytes([1]) * BLOCK)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            found.append((time.perf_counter() - began) * 1000)
    return median(found), quantiles(found, n=100)[-1]


def wanted_and_stolen() -> tuple[int, int]:
    """Ticks since the machine began: in which it had work for a processor, and those of them that others were given."""
    told = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, told)
    return user + nice + system + interrupts + soft + stolen, stolen


async def costs(ground: Ground) -> dict[str, float]:
    """Processor time of each, the median of some rounds at 16 at once; the database's own time is not in it."""
    database = Database(ground.url("customer", "app"), pool=AT_ONCE)
    ring = KeyRing.load(ground.secrets.keyring("shared"))
    trail = AuditTrail(ground.url("customer", "app"), ring)
    counting = Database(ground.url("gateway", "app"), pool=AT_ONCE)
    limiter, shared = Limiter(LIMITS, InProcess()), Limiter(LIMITS, InDatabase(counting))
    try:
        bare = await _each(lambda: _transaction(database), 500)
        return {
            "limit, shared": await _each(lambda: shared.take("bench", "read"), 2_000),
            "limit, in process": await _each(lambda: limiter.take("bench", "read"), 20_000),
            "audit entry": await _each(lambda: trail.write(_entry()), 2_000),
            "idempotency key": await _each(lambda: _command(database, ring), 500) - bare,
        }
    finally:
        await trail.close()
        await database.close()
        await counting.close()


async def _each(work: Work, times: int) -> float:
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        await asyncio.gather(*[_again(work, times // AT_ONCE) for _ in range(AT_ONCE)])
        found.append((time.process_time() - began) / times * 1e6)
    return median(found)


async def _again(work: Work, times: int) -> None:
    for _ in range(times):
        await work()


async def _transaction(database: Database) -> None:
    async with database.unit_of_work(SystemScope()) as uow:
        await uow.session.connection()


async def _command(database: Database, ring: KeyRing) -> None:
    attempt = await Attempt.of(_request(), PRINCIPAL, ring)
    async with database.unit_of_work(SystemScope()) as uow:
        await attempt.first_answer(uow)
        uow.remember(attempt.answer(201, uuid4()))


def _request() -> Request:
    async def body() -> dict[str, object]:
        return {"type": "http.request", "body": b'{"name": "bench"}', "more_body": False}

    headers = [(b"idempotency-key", str(uuid4()).encode()), (b"host", b"bench")]
    scope = {"type": "http", "method": "POST", "path": "/bench", "query_string": b"", "headers": headers}
    return Request(scope, body)


def _entry() -> Entry:
    return Entry(
        at=Clock().now(),
        service="customer",
        actor="bench",
        permission="customers:read",
        method="GET",
        route="/bench",
        origin="here",
        trace_id="",
        thing_ids=[],
        customer_ids=[uuid4()],
        status=200,
    )
