import asyncio
from dataclasses import dataclass

SECONDS = 3.0
"""How long anything may take to answer."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `advice` says what to do, where something is wrong."""

    subject: str
    well: bool
    says: str
    advice: str = ""


async def listens(host: str, port: int) -> bool:
    """True where some program accepts connections."""
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # a timeout is one too
        return False
    writer.close()
    return True
