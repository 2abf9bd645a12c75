"""The stack over servers that are there already, and over containers where an engine answers."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guanxi.local.issuer import ADMIN
from guanxi.local.kafka import LocalKafka
from guanxi.local.postgres import LocalPostgres
from guanxi.local.settings import CONTAINERS
from tests.conftest import JARS, ROOT
from tests.e2e.stacks import guanxi, signing_in, started
from tests.e2e.test_story import known, open_branch, view_when
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.deep]


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[tuple[LocalPostgres, LocalKafka]]:
    """Somebody else's."""
    postgres = LocalPostgres(tmp_path / "postgres", port=free_port())
    kafka = LocalKafka(tmp_path / "kafka", port=free_port(), controller_port=free_port(), cache=JARS)
    try:
        await postgres.start()
        await kafka.start()
        yield postgres, kafka
    finally:
        await kafka.stop()
        await postgres.stop()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    return place


async def works(home: Path, broker: str, postgres: str) -> None:
    async with started(home, broker=broker, postgres=postgres) as stack, signing_in(stack) as signed_in:
        here = await open_branch(signed_in(ADMIN, "admin"), "g01")
        teller = signed_in("teller-g01", "teller")
        await known(teller)
        made = await teller.post("/api/v1/customers", {"name": "外", "home_unit_id": here.unit_id})
        assert made.status_code == 201, made.text
        await view_when(teller, made.json()["id"], lambda sections: sections["profile"]["state"] == "ok")
        status, said = await guanxi(stack.settings, "doctor", BROKER=broker, POSTGRES=postgres)
        assert status == 0, said


async def test_over_servers_that_are_there(servers: tuple[LocalPostgres, LocalKafka], home: Path) -> None:
    postgres, kafka = servers
    await works(home, kafka.bootstrap, postgres.admin_dsn)
    assert postgres.alive, "it is not ours to stop"
    assert kafka.alive
    assert not (home / "kafka").exists()


async def test_over_containers(home: Path) -> None:
    ask = "from guanxi.local.containers import require_engine; require_engine()"
    asked = await asyncio.create_subprocess_exec(sys.executable, "-c", ask, stderr=DEVNULL, cwd=ROOT)
    if await asked.wait() != 0:
        pytest.skip("not run: no container engine answers here")
    await works(home, CONTAINERS, CONTAINERS)
