"""Connections that the parts of a worker keep."""

import asyncpg

from libs.common.held import HeldConnection, durably
from tests.libs.common.probe import Probe


async def test_what_nobody_repeats_waits_for_the_disk_over_a_connection_that_may_forget(
    probe: Probe,
) -> None:
    kept = "SELECT set_config('test.kept', current_setting('synchronous_commit'), false)"
    held = HeldConnection(probe.settings.dsn)

    async def settings(connection: asyncpg.Connection) -> tuple[str, str, str]:
        before = await connection.fetchval("SHOW synchronous_commit")
        await durably(connection, kept)
        after = await connection.fetchval("SHOW synchronous_commit")
        return before, await connection.fetchval("SHOW test.kept"), after

    assert await held.patiently(settings) == ("off", "on", "off")
    held.hang_up()
