"""One service as seen from the gateway: how many wait for it, and whether it answers at all.

A circuit breaker with a bound (M. Nygard, Release It!, 2nd ed., chapter 5). After some failures in a row nobody waits
any more; then one request at a time tries again, and the first that is answered opens the way for all.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from libs.common.metrics import UPSTREAM_SHUT

FAILURES_IN_A_ROW = 5
SHUT_SECONDS = 2.0
FAILED = (aiohttp.ClientError, TimeoutError, OSError)
"""No answer. A service that answers an error is there."""


class Shut(Exception):
    """Nobody is let through now."""


class Gate:
    def __init__(self, name: str, most_at_once: int) -> None:
        self._name, self._most = name, most_at_once
        self._inside = self._failures = 0
        self._shut_until: float | None = None
        self._somebody_tries = False

    @contextmanager
    def passing(self, *, patiently: bool = True) -> Iterator[None]:
        """Let one request through. Whoever waits less than a service may take says so: its lateness counts for nothing.

        Raises:
            Shut: the service does not answer, or so many wait for it already that another would only queue.
        """
        tries = self._enter()
        self._inside += 1
        try:
            yield
        except FAILED as error:
            if patiently or not isinstance(error, TimeoutError):
                self._count(self._failures + 1)
            raise
        else:
            self._count(0)
        finally:
            self._inside -= 1
            self._somebody_tries = self._somebody_tries and not tries

    def _enter(self) -> bool:
        """Whether this request is the one that tries."""
        if self._inside >= self._most:
            raise Shut
        if self._shut_until is None:
            return False
        if self._somebody_tries or time.monotonic() < self._shut_until:
            raise Shut
        self._somebody_tries = True
        return True

    def _count(self, failures: int) -> None:
        self._failures = failures
        is_shut = failures >= FAILURES_IN_A_ROW
        self._shut_until = time.monotonic() + SHUT_SECONDS if is_shut else None
        UPSTREAM_SHUT.labels(self._name).set(is_shut)
