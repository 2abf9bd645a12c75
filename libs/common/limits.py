"""How often one caller may ask: so many requests of a kind in a window, and every answer tells how many are left.

The headers are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "read";q=1200;w=60` (quota and
window in seconds), `RateLimit: "read";r=1187;t=42` (what remains, and for how many seconds).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from limits import parse
from limits.aio.storage import Storage

from libs.common.metrics import DENIED
from libs.common.problems import Problem

SWEEP_SECONDS = 10.0
MOST_SPENT = 10_000


@dataclass(frozen=True)
class Limit:
    """So many requests of a kind in a window of so many seconds."""

    kind: str
    most: int
    seconds: int
    policy: str

    @classmethod
    def of(cls, kind: str, told: str) -> "Limit":
        """From a text such as `1200/minute`."""
        item = parse(told)
        return cls(kind, item.amount, item.get_expiry(), f'"{kind}";q={item.amount};w={item.get_expiry()}')


class RefusedAgain(Problem):
    """One more refusal of a window that is spent: who caused it is in the audit trail already."""


class Limiter:
    """Counts in fixed windows. `limits` are texts by kind of request; a kind without one is not limited."""

    def __init__(self, limits: Mapping[str, str], storage: Storage) -> None:
        self._limits = {kind: Limit.of(kind, told) for kind, told in limits.items()}
        self._storage = storage
        self._spent: dict[str, float] = {}
        """Who has nothing left, and until when: nobody has to be asked about them again."""

    async def take(self, caller: str, kind: str) -> Mapping[str, str]:
        """Count one request. Returns the headers that tell what is left.

        Raises:
            Problem: 429, with Retry-After, where nothing is.
        """
        limit = self._limits.get(kind)
        if limit is None:
            return {}
        key = f"{kind} {caller}"
        if (spent_until := self._spent.get(key, 0.0)) > time.time():
            raise _refused(limit, ceil(spent_until - time.time()), again=True)
        left = limit.most - await self._storage.incr(key, limit.seconds)
        ends_at = await self._storage.get_expiry(key)
        seconds = max(0, ceil(ends_at - time.time()))
        if left >= 0:
            return _told(limit, left, seconds)
        if len(self._spent) >= MOST_SPENT:
            self._spent.clear()
        self._spent[key] = ends_at
        raise _refused(limit, seconds, again=False)


def _told(limit: Limit, left: int, seconds: int) -> dict[str, str]:
    return {"RateLimit-Policy": limit.policy, "RateLimit": f'"{limit.kind}";r={left};t={seconds}'}


def _refused(limit: Limit, seconds: int, *, again: bool) -> Problem:
    DENIED.labels(int(HTTPStatus.TOO_MANY_REQUESTS)).inc()
    detail = f"You asked too often: {limit.most} of this kind ({limit.kind}) in {limit.seconds} s is the most."
    headers = {**_told(limit, 0, seconds), "Retry-After": str(max(1, seconds))}
    return (RefusedAgain if again else Problem)(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=headers)


class InProcess(Storage):
    """Counters of this process alone. The library's own walks through all of them at every request."""

    STORAGE_SCHEME = ("guanxi+process",)  # type: ignore[assignment] # never looked up

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, float]] = {}
        self._swept_at = time.time()

    @property
    def base_exceptions(self) -> type[Exception]:
        return KeyError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        count, ends_at = self._counts.get(key, (0, 0.0))
        if ends_at <= now:
            count, ends_at = 0, now + expiry
            self._sweep(now)
        self._counts[key] = count + amount, ends_at
        return count + amount

    async def get(self, key: str) -> int:
        return self._counts.get(key, (0, 0.0))[0]

    async def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (0, 0.0))[1]

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        self._counts.clear()
        return None

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Now and then, so that callers who went away are forgotten."""
        if now - self._swept_at > SWEEP_SECONDS:
            self._counts = {key: known for key, known in self._counts.items() if known[1] > now}
            self._swept_at = now
