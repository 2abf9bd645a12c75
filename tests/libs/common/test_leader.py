import asyncio

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
