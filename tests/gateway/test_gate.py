"""A service that does not answer is let alone, and tried again by one; so many wait for it and no more."""

from contextlib import suppress

import aiohttp
import pytest

from gateway.upstream import gate as gates
from gateway.upstream.gate import FAILURES_IN_A_ROW, Gate, Shut
from tests.polling import until


def fail(gate: Gate, times: int = 1) -> None:
    for _ in range(times):
        with suppress(aiohttp.ClientConnectionError), gate.passing():
            raise aiohttp.ClientConnectionError


def is_shut(gate: Gate) -> bool:
    try:
        with gate.passing():
            return False
    except Shut:
        return True


def test_some_failures_in_a_row_shut_it() -> None:
    gate = Gate("tried", 10)
    fail(gate, FAILURES_IN_A_ROW - 1)
    assert not is_shut(gate)  # and that one was answered
    fail(gate, FAILURES_IN_A_ROW - 1)
    assert not is_shut(gate)
    fail(gate, FAILURES_IN_A_ROW)
    assert is_shut(gate)


def test_an_error_of_ours_is_no_failure_of_the_service() -> None:
    gate = Gate("tried", 10)
    for _ in range(2 * FAILURES_IN_A_ROW):
        with suppress(ZeroDivisionError), gate.passing():
            raise ZeroDivisionError
    assert not is_shut(gate)


def test_a_callers_own_impatience_is_no_failure_of_the_service() -> None:
    gate = Gate("tried", 10)
    for _ in range(2 * FAILURES_IN_A_ROW):
        with suppress(TimeoutError), gate.passing(patiently=False):
            raise TimeoutError
    assert not is_shut(gate)


async def test_one_at_a_time_tries_again() -> None:
    gate = Gate("tried", 10)
    fail(gate, FAILURES_IN_A_ROW)

    async def somebody_may_try() -> bool:
        nonlocal trying
        try:
            trying = gate.passing()
            trying.__enter__()
        except Shut:
            return False
        return True

    trying = gate.passing()
    await until(somebody_may_try, seconds=3 * gates.SHUT_SECONDS)
    assert is_shut(gate), "somebody tries already"
    trying.__exit__(TimeoutError, TimeoutError(), None)
    assert is_shut(gate), "and was not answered"
    await until(somebody_may_try, seconds=3 * gates.SHUT_SECONDS)
    trying.__exit__(None, None, None)
    assert not is_shut(gate)


def test_so_many_wait_and_no_more() -> None:
    gate = Gate("tried", 2)
    with gate.passing(), gate.passing(), pytest.raises(Shut), gate.passing():
        pass
    assert not is_shut(gate)
