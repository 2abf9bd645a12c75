import asyncio

import pytest

from libs.common.leader import Leadership


async def test_a_pulse_during_work_is_not_slept_through_and_wakes_every_duty() -> None:
    leadership = Leadership(None)
    seen_by_a_busy_duty = leadership.pulses
    idle = [asyncio.create_task(leadership.sleep(60, since=leadership.pulses)) for _ in range(2)]
    await asyncio.sleep(0)
    leadership.wake()
    async with asyncio.timeout(5):
        await asyncio.gather(*idle)
        await leadership.sleep(60, since=seen_by_a_busy_duty)


async def test_without_a_pulse_a_duty_looks_again_by_itself() -> None:
    leadership = Leadership(None)
    async with asyncio.timeout(5):
        await leadership.sleep(0.01, since=leadership.pulses)


class Answering:
    """A connection whose one answer comes when it is given."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def fetchval(self, query: str) -> int:  # noqa: ARG002 - it is asked for one thing only
        return await self.answer


@pytest.mark.parametrize("steps", range(4))
async def test_a_term_that_ends_while_its_ping_is_answered_is_not_kept(steps: int) -> None:
    """Else its duties are over, nobody else leads, and nothing is sent until the process is started again."""
    connection = Answering()
    keeping = asyncio.create_task(Leadership(connection).keep())
    for _ in range(4):
        await asyncio.sleep(0)
    connection.answer.set_result(1)
    for _ in range(steps):
        await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.wait([keeping], timeout=5)
    assert keeping.cancelled()
