"""Free ports of this machine, below the range that the kernel hands out to clients.

Several processes look for theirs at the same time, and a server takes seconds until it has its own: each process has a
share of the range, a part of it for single ports and one for rows, and gives none twice while there are others.
"""

import os
import random
import socket
from collections.abc import Sequence

SHARE, ROWS = 3_000, 2_000
FIRST = 20_000 + SHARE * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))

_given: set[int] = set()


def free_port() -> int:
    return _first_free(range(FIRST + ROWS, FIRST + SHARE), 1)


def free_ports_in_a_row(count: int) -> int:
    """The first of several."""
    return _first_free(range(FIRST, FIRST + ROWS - count, count), count)


def _first_free(places: Sequence[int], count: int) -> int:
    in_any_order = random.sample(places, len(places))
    for first in sorted(in_any_order, key=lambda first: not _given.isdisjoint(range(first, first + count))):
        ports = range(first, first + count)
        if all(_is_free(port) for port in ports):
            _given.update(ports)
            return first
    raise OSError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
