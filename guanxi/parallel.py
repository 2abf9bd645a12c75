import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from rich.progress import Progress, TaskID

T = TypeVar("T")


async def each(things: Iterable[T], do: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do something with each thing, so many at a time; the first failure ends it all and is raised."""
    waiting = iter(things)

    async def work() -> None:
        for thing in waiting:
            await do(thing)

    workers = [asyncio.create_task(work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def each_with_bar(
    progress: Progress,
    bar: TaskID,
    things: Iterable[T],
    do: Callable[[T], Awaitable[None]],
    *,
    at_once: int,
    count: Callable[[T], int] = lambda _: 1,
) -> None:
    """As `each`, and the bar moves by the `count` of each thing that is done."""

    async def one(thing: T) -> None:
        await do(thing)
        progress.advance(bar, count(thing))

    await each(things, one, at_once=at_once)


def batches(things: Sequence[T], most: int) -> list[Sequence[T]]:
    """In order, so many in each; the last may have fewer."""
    return [things[first : first + most] for first in range(0, len(things), most)]
