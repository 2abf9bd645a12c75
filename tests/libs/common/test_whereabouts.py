"""Who asks a process what it is at is told where each task waits."""

import asyncio

from libs.common.whereabouts import whereabouts
from tests.polling import until


async def wait_inside(event: asyncio.Event) -> None:
    await event.wait()


async def wait(event: asyncio.Event) -> None:
    await wait_inside(event)


async def test_a_task_is_told_from_where_it_began_to_where_it_waits() -> None:
    event = asyncio.Event()
    task = asyncio.create_task(wait(event))

    async def waits() -> bool:
        return len(whereabouts(task)) == 3

    await until(waits)
    outer, inner, library = whereabouts(task)
    first = wait.__code__.co_firstlineno
    assert outer == f"tests/libs/common/test_whereabouts.py:{first + 1}"
    assert inner == f"tests/libs/common/test_whereabouts.py:{wait_inside.__code__.co_firstlineno + 1}"
    assert library.startswith("asyncio/locks.py:")
    event.set()
    await task
    assert whereabouts(task) == []
