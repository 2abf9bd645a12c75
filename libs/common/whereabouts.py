"""What a process is at, when somebody asks: `kill -USR1 <pid>` has it log where each of its tasks waits."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

ROOT = Path(__file__).resolve().parents[2]


def tell_whereabouts() -> None:
    for task in asyncio.all_tasks():
        log.warning("waits", task=task.get_name(), at=" > ".join(whereabouts(task)))


def whereabouts(task: "asyncio.Task[Any]") -> list[str]:
    """From where a task began to where it waits now, as file:line."""
    return [f"{_file(frame.f_code.co_filename)}:{frame.f_lineno}" for frame in _frames(task.get_coro())]


def _frames(coroutine: Any) -> Iterator[Any]:
    """A coroutine's own, then of the one that it waits for; futures have none."""
    while coroutine is not None:
        for kind in ("cr", "gi", "ag"):
            if (frame := getattr(coroutine, f"{kind}_frame", None)) is not None:
                yield frame
        inner = (getattr(coroutine, name, None) for name in ("cr_await", "gi_yieldfrom", "ag_await"))
        coroutine = next((each for each in inner if each is not None), None)


def _file(name: str) -> str:
    path = Path(name)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else f"{path.parent.name}/{path.name}"
