"""A stack whose customer service can be down alone, as an operator scales it to nothing."""

from guanxi.local.processes import Supervisor
from guanxi.local.program import Program
from guanxi.local.stack import Stack

ALONE = "customer"


class Parted(Stack):
    """One service is under a supervisor of its own."""

    alone: Supervisor | None = None

    def _programs(self, app: str) -> list[Program]:
        return [] if app == ALONE else super()._programs(app)

    async def start(self) -> None:
        await super().start()
        await self.begin()

    async def stop(self) -> None:
        await self.end()
        await super().stop()

    async def begin(self) -> None:
        self.alone = Supervisor([super()._programs(ALONE)], self.console, self.settings.home / "logs")
        await self.alone.start()

    async def end(self) -> None:
        if self.alone is not None:
            await self.alone.stop()
