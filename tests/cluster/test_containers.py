"""compose.yaml on a container engine: all of it, from images of our own. Run by `make compose-test`."""

import os
import pwd
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from guanxi.local.cluster_secrets import ClusterSecrets
from guanxi.local.issuer import ADMIN
from tests.cluster.channel import open_known_branch, signing_in
from tests.cluster.tools import run
from tests.conftest import ROOT
from tests.deploy.test_compose import SERVICES
from tests.e2e.person import Person, SignIn
from tests.e2e.test_story import Branch, register, serve, view_when, whole
from tests.polling import until

pytestmark = pytest.mark.cluster

FOLDER = Path(os.environ.get("GUANXI_COMPOSE", "/nowhere"))
OWNER = pwd.getpwnam("nobody")
"""Whose the containers and their secrets are: PostgreSQL does not serve as root."""
ONCE = [name for name in SERVICES if name == "topics" or name.endswith("-migrate")]
SERVING = [name for name in SERVICES if name not in ONCE]
SERVERS = ("postgres", "kafka")


@dataclass(frozen=True)
class State:
    """Of one container, as the engine tells it."""

    status: str
    exit_code: int
    process: int


class Compose:
    """compose.yaml in a folder of its own, with secrets of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._engine = folder, docker.from_env(version="1.41")
        self.keys = folder / ".local" / "keys"

    def do(self, *arguments: str) -> None:
        """Raises AssertionError with what it said."""
        owner = {"GUANXI_USER": f"{OWNER.pw_uid}:{OWNER.pw_gid}"}
        run(os.environ["GUANXI_COMPOSE_PROGRAM"], f"--project-directory={self._folder}", *arguments, env=owner)

    def prepare(self) -> None:
        """As the first lines of compose.yaml say."""
        shutil.copy(ROOT / "compose.yaml", self._folder)
        secrets, guanxi = self._folder / ".local" / "compose", Path(sys.executable).parent / "guanxi"
        run(str(guanxi), "cluster-secrets", f"--folder={secrets}", env={"GUANXI_HOME": str(self._folder / ".local")})
        self._folder.chmod(0o711)
        for place in (secrets, *secrets.rglob("*")):
            os.chown(place, OWNER.pw_uid, OWNER.pw_gid)

    def state(self, service: str) -> State:
        (container,) = self._engine.containers.list(
            all=True, filters={"label": f"com.docker.compose.service={service}"}
        )
        told = container.attrs["State"]
        return State(told["Status"], told["ExitCode"], told["Pid"])

    def close(self) -> None:
        self._engine.close()


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    if not FOLDER.is_dir():
        pytest.skip("there is no container engine: `make compose-test` begins one")
    compose = Compose(FOLDER)
    compose.prepare()
    began = time.monotonic()
    try:
        compose.do("up", "--detach", "--no-build")
        told(f"up after {time.monotonic() - began:.0f} s")
        yield compose
    finally:
        compose.do("down", "--volumes")
        compose.close()


@pytest.fixture(scope="module")
async def sign_in(compose: Compose) -> AsyncIterator[SignIn]:
    secrets = ClusterSecrets(compose.keys)
    secrets.ensure()
    async with signing_in("127.0.0.1", secrets.authority, secrets.issuer) as sign_in:
        administrator = sign_in(ADMIN, "admin")
        await until(lambda: answers(administrator, "/api/v1/org-units"))
        yield sign_in


async def answers(person: Person, path: str) -> bool:
    with suppress(httpx.TransportError):
        return (await person.get(path)).status_code == httpx.codes.OK
    return False


@pytest.fixture(scope="module")
async def here(sign_in: SignIn) -> Branch:
    return await open_known_branch(sign_in, "k02")


def told(what: str) -> None:
    """For the one who reads the output."""
    print(f"\n    {what}", flush=True)  # noqa: T201 - pytest shows it with -s


def test_what_runs_once_has_ended_well_and_the_rest_runs(compose: Compose) -> None:
    assert {name: compose.state(name).exit_code for name in ONCE} == dict.fromkeys(ONCE, 0)
    assert {name: compose.state(name).status for name in SERVING} == dict.fromkeys(SERVING, "running")


async def test_a_customer_is_registered_and_seen_whole(sign_in: SignIn, here: Branch) -> None:
    teller, head = sign_in("teller-k02", "teller"), sign_in("branch_head-k02", "branch_head")
    customer = await register(teller, here)
    await serve(teller, customer["id"])
    await view_when(head, customer["id"], whole)


@pytest.mark.parametrize("service", [name for name in SERVING if name not in SERVERS])
async def test_a_killed_app_comes_back(compose: Compose, service: str) -> None:
    killed = compose.state(service).process
    os.kill(killed, signal.SIGKILL)

    async def runs() -> bool:
        now = compose.state(service)
        return now.status == "running" and now.process != killed

    await until(runs)


async def test_afterwards_every_part_does_its_own(sign_in: SignIn, here: Branch) -> None:
    """A customer who is registered now has a section of each service."""
    assert here.unit_id
    teller, head = sign_in("teller-k02", "teller"), sign_in("branch_head-k02", "branch_head")
    await until(lambda: answers(teller, "/api/v1/customers"))
    made = await teller.post("/api/v1/customers", {"name": "归"})
    assert made.status_code == 201, made.text

    def told_by_all(sections: dict[str, Any]) -> bool:
        return {section["state"] for section in sections.values()} == {"ok"}

    await view_when(head, made.json()["id"], told_by_all)


def test_all_end_in_peace(compose: Compose) -> None:
    """A container that had to be killed ends with 137."""
    began = time.monotonic()
    compose.do("stop")
    told(f"stopped after {time.monotonic() - began:.0f} s")
    assert {name: compose.state(name).exit_code for name in SERVING} == dict.fromkeys(SERVING, 0)
