"""Wait for what another process does: poll, with a deadline, and never a fixed time."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 240
"""Seconds; what takes longer is broken, however busy the machine is."""


async def until(holds: Callable[[], Awaitable[bool]], what: str = "", *, seconds: float = PATIENCE) -> None:
    """The failure says what did not become true."""
    try:
        async with asyncio.timeout(seconds) as limit:
            while not await holds():  # noqa: ASYNC110 - what is waited for is in another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        if not limit.expired():
            raise
        raise AssertionError(f"not within {seconds:g} s: {what or holds.__name__}") from None
