"""Proof that a port is free before a server is told to listen on it."""

import asyncio
import socket

from guanxi.local.failures import port_taken

# A server whose launcher was killed needs a moment to go.
_PATIENCE = 1.0


async def require_free_port(program: str, host: str, port: int, setting: str) -> None:
    """Raise the one sentence that names the port and the setting that changes it."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE
    while not _is_free(host, port):
        if clock() > deadline:
            raise port_taken(program, host, port, setting)
        await asyncio.sleep(0.05)


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
