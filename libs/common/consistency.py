"""Read your writes: a command answers what it wrote, and a later request waits until the copy here is that far.

The token is signed and bound to its principal. Waiting holds no database connection, and only so many may wait.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

import orjson

from libs.common.authentication import Principal
from libs.common.keyring import BadSignature, KeyRing
from libs.common.marks import Mark
from libs.common.problems import RETRY_SOON, Problem

HEADER = "Guanxi-Consistency"
MOST_MARKS = 8
MOST_WAITING = 100
PAUSES = (0.005, 0.01, 0.02, 0.05)

VersionOf = Callable[[UUID], Awaitable[int | None]]


@dataclass
class Consistency:
    """`copies` maps a compacted topic to a look-up of the version that this app holds of a key."""

    ring: KeyRing
    copies: Mapping[str, VersionOf]
    longest_wait: float
    waiting: int = 0

    def token(self, principal: Principal, written: Iterable[Mark]) -> str | None:
        """Of what touched many keys it names the last of each stream: they are published in this order."""
        marks = [[mark.stream, str(mark.key), mark.version] for mark in _last(written)]
        payload = {"p": principal.login, "m": marks}
        return self.ring.sign("consistency", orjson.dumps(payload)) if marks else None

    async def wait(self, principal: Principal, token: str) -> None:
        """Return once this app's copies hold what the token names; topics without a copy here are passed over.

        Raises:
            Problem: 400 for a token that is not this principal's, 503 when it takes too long.
        """
        wanted = [
            (self.copies[topic], key, v) for topic, key, v in self._read(principal, token) if topic in self.copies
        ]
        if not wanted:
            return
        if self.waiting >= MOST_WAITING:
            raise too_slow()
        self.waiting += 1
        try:
            await self._poll(wanted)
        finally:
            self.waiting -= 1

    async def holds(self, written: Iterable[Mark]) -> bool:
        """Whether this app's copies are that far."""
        known = [(self.copies[mark.stream], mark) for mark in written if mark.stream in self.copies]
        return all([(await version_of(mark.key) or 0) >= mark.version for version_of, mark in known])

    async def _poll(self, wanted: list[tuple[VersionOf, UUID, int]]) -> None:
        deadline = time.monotonic() + self.longest_wait
        for round_, (version_of, key, version) in enumerate(wanted):
            attempt = 0
            while (await version_of(key) or 0) < version:
                if time.monotonic() > deadline:
                    raise too_slow()
                await asyncio.sleep(PAUSES[min(attempt + round_, len(PAUSES) - 1)])
                attempt += 1

    def _read(self, principal: Principal, token: str) -> list[tuple[str, UUID, int]]:
        try:
            payload = orjson.loads(self.ring.verify("consistency", token))
        except BadSignature:
            payload = {}
        if payload.get("p") != principal.login:
            raise Problem(HTTPStatus.BAD_REQUEST, f"{HEADER} is not a token that was given to you.")
        return [(topic, UUID(key), version) for topic, key, version in payload["m"]]


def _last(written: Iterable[Mark]) -> list[Mark]:
    streams: dict[str, list[Mark]] = defaultdict(list)
    for mark in written:
        streams[mark.stream].append(mark)
    of_each = max(1, MOST_MARKS // max(1, len(streams)))
    return [mark for marks in streams.values() for mark in marks[-of_each:]][:MOST_MARKS]


def too_slow() -> Problem:
    detail = "What you wrote has not arrived here yet; try again."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_SOON)
