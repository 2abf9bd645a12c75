"""Which of our processes is behind a session of PostgreSQL: by the local port of its connection."""

from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def ports_of(process: int) -> set[int]:
    """Local TCP ports of a living process; none where it has ended."""
    inodes = set()
    with suppress(OSError):
        for descriptor in (PROC / str(process) / "fd").iterdir():
            with suppress(OSError):
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    ports = _port_by_inode()
    return {ports[inode] for inode in inodes if inode in ports}


def _port_by_inode() -> dict[str, int]:
    """`/proc/net/tcp`: the local address is the second field, the inode the tenth."""
    fields = [line.split() for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]]
    return {field[9]: int(field[1].rpartition(":")[2], 16) for field in fields}
