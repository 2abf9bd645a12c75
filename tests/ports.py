"""Free ports of this machine."""

import random
import socket


def free_port() -> int:
    return free_ports_in_a_row(1)


def free_ports_in_a_row(count: int) -> int:
    """The first of several ports in a row that are free now, somewhere below the range that the kernel hands out.

    There no client takes one before the server that it is meant for is up, and seldom another test.
    """
    places = range(20_000, 32_000, count)
    for first in random.sample(places, len(places)):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise OSError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
