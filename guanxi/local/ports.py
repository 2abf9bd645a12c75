"""Ports: proof that one is free before a server is told to listen on it, and whether anybody does."""

import asyncio
import socket

from guanxi.local.failures import port_taken

# A server whose launcher was killed needs a moment to go.
_PATIENCE = 1.0
_ANSWER = 3.0


async def require_free_port(program: str, host: str, port: int, setting: str) -> None:
    """Raise the one sentence that names the port and the setting that changes it."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE
    while not _is_free(host, port):
        if clock() > deadline:
            raise port_taken(program, host, port, setting)
        await asyncio.sleep(0.05)


def parts_of(place: str) -> tuple[str, int]:
    """Of host:port.

    Raises:
        ValueError: it is not written so.
    """
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(place)
    return host, int(port)


async def listens(host: str, port: int) -> bool:
    """True where some program accepts connections."""
    try:
        async with asyncio.timeout(_ANSWER):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # a timeout is one too
        return False
    writer.close()
    return True


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # Connections of an earlier server that linger in TIME_WAIT do not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True
