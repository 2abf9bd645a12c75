"""Tasks that go on until they are stopped."""

import asyncio


async def stop(tasks: list[asyncio.Task[None]]) -> None:
    """Raises what ended one of them before its time."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
