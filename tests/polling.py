"""Wait for what another process does: poll, with a deadline, and never a fixed time."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 240
"""Seconds; what takes longer is broken, however busy the machine is."""


async def until(holds: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)
