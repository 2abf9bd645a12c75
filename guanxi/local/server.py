"""What both servers of the local stack promise: one launcher, a free port, an own child that answers for our data."""

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from guanxi.local.child import Child, Escalation
from guanxi.local.claim import Claim
from guanxi.local.failures import died_at_start, not_ready

READY_WITHIN = 180.0
"""Seconds: a busy machine of two slow cores was seen to need more than 60 for Kafka. Who dies is found at once."""


class LocalServer(ABC):
    """A server process over a folder that it alone uses; it can be stopped and started again."""

    program: ClassVar[str]
    escalation: ClassVar[Escalation]

    def __init__(self, folder: Path, ready_within: float) -> None:
        self._folder = folder.absolute()
        self._ready_within = ready_within
        self._claim = Claim(self.program, self._folder)
        self._child: Child | None = None

    @property
    def process(self) -> int:
        """Process id of the running server."""
        if self._child is None:
            raise RuntimeError(f"{self.program} was not started")
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.alive

    @property
    def log(self) -> Path:
        return self._folder / f"{self.program.lower()}.log"

    async def start(self) -> None:
        """Start the server and return when it answers; LocalFailure says what a person can mend."""
        if self.alive:
            return
        await self.stop()
        await self._claim.take()
        try:
            await self._prepare()
            self._child = await self._launch()
            await self._wait_until_ready(self._child)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop gently, then harder; returns when the server is gone."""
        if self._child is not None:
            await self._child.stop(self.escalation)
            self._child = None
        self._claim.release()

    async def ended(self) -> int:
        """Wait until the running server ends, whoever ended it; its exit status."""
        return 0 if self._child is None else await self._child.process.wait()

    @abstractmethod
    async def _prepare(self) -> None:
        """Make everything ready for the launch, and prove that the ports are free."""

    @abstractmethod
    async def _launch(self) -> Child: ...

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether the server at our port answers, and with our data."""

    async def _wait_until_ready(self, child: Child) -> None:
        try:
            async with asyncio.timeout(self._ready_within):
                while not await self._answers():
                    self._require_alive(child)
                    await asyncio.sleep(0.03)
        except TimeoutError as late:
            raise not_ready(self.program, self._ready_within, self.log) from late
        self._require_alive(child)

    def _require_alive(self, child: Child) -> None:
        if not child.alive:
            raise died_at_start(self.program, self.log)
