"""Every command of docs/runbook.md is run here, in order; or by the test that its block names; or is of a cluster alone."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guanxi.local.postgres_settings import packaged_bindir
from guanxi.local.settings import APPS
from guanxi.local.stack import PARTITIONS, Stack
from tests.conftest import ROOT
from tests.e2e.stacks import started
from tests.polling import until
from tests.runbook import ELSEWHERE, blocks

pytestmark = [pytest.mark.e2e, pytest.mark.deep]


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with started(tmp_path_factory.mktemp("runbook")) as running:
        yield running


async def run(stack: Stack, commands: str, folder: Path) -> tuple[int | None, str]:
    settings = stack.settings
    env = {
        "PATH": f"{Path(sys.executable).parent}:{packaged_bindir()}:{os.environ['PATH']}",
        "GUANXI_HOME": str(settings.home),
        "GUANXI_BASE_PORT": str(settings.base_port),
        "GUANXI_POSTGRES_PORT": str(settings.postgres_port),
        "GUANXI_KAFKA_PORT": str(settings.kafka_port),
        "PARTITIONS": str(PARTITIONS),
        "REPLICATION": "1",
        "GUANXI_CUSTOMER_MANAGEMENT": settings.address("customer", 2),
        "CUSTOMER_DATABASE_URL": stack.database_url("customer", "app"),
        "CUSTOMER_OWNER_DATABASE_URL": stack.database_url("customer", "owner"),
        "GATEWAY_OWNER_DATABASE_URL": stack.database_url("gateway", "owner"),
        "SHARED_RING": str(stack.secrets.keyring("shared")),
    }
    script = ["bash", "-euo", "pipefail", "-c", commands]
    process = await asyncio.create_subprocess_exec(*script, env=env, cwd=folder, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_every_block_does_what_it_says(stack: Stack, tmp_path: Path) -> None:
    async def well() -> bool:
        return (await run(stack, "guanxi doctor", tmp_path))[0] == 0

    await until(well)
    here = [block for block in blocks() if not block.how]
    assert len(here) > len(APPS)
    for block in here:
        status, said = await run(stack, block.commands, tmp_path)
        assert status == 0, f"{block.commands}\n{said}"
    await until(well)


def test_every_other_block_says_who_runs_it() -> None:
    for block in blocks():
        if block.how and block.how != "cluster only":
            assert block.how.startswith(ELSEWHERE), block.how
            test = ROOT / block.how.removeprefix(ELSEWHERE)
            if "block_of" in test.read_text():
                assert f'"{block.heading}"' in test.read_text(), f"{test} does not run what stands under it"
                continue
            lines = [line.split() for line in block.commands.splitlines()]
            wanted = {f'"{line[0]}"' for line in lines if line[0] not in ("guanxi", "psql")}
            wanted |= {line[2] for line in lines if line[0] == "guanxi"}
            assert all(program in test.read_text() for program in wanted), f"{test} runs not all of {wanted}"
