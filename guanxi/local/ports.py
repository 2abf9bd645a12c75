"""Proof that a port is free before a server is told to listen on it."""

import socket

from guanxi.local.failures import port_taken


def require_free_port(program: str, host: str, port: int, setting: str) -> None:
    """Raise the one sentence that names the port and the setting that changes it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # Connections of an earlier server that linger in TIME_WAIT do not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as refused:
            raise port_taken(program, host, port, setting) from refused
