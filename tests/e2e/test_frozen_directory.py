"""A role that was taken away is refused within `authz_max_age` even where nobody can be told that it was."""

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from guanxi.local.issuer import ADMIN
from guanxi.local.settings import APPS
from guanxi.local.stack import Stack
from tests.e2e.person import SignIn
from tests.e2e.stacks import signing_in, started
from tests.e2e.test_revocation import hire, statuses
from tests.polling import until

pytestmark = pytest.mark.deep

MAX_AGE = 12


@pytest.fixture
async def split(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Workers in processes of their own, so that they can be frozen while the apps go on."""
    async with started(tmp_path_factory.mktemp("frozen"), replicas=1, authz_max_age=MAX_AGE) as running:
        yield running


@pytest.fixture
async def signed_in(split: Stack) -> AsyncIterator[SignIn]:
    async with signing_in(split) as sign_in:
        yield sign_in


@contextmanager
def frozen(stack: Stack) -> Iterator[None]:
    workers = [pid for name, pid in stack.pids().items() if "worker" in name]
    assert len(workers) == len(APPS)
    try:
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


async def test_with_the_directorys_consumers_frozen_a_revoked_role_is_refused_within_authz_max_age(
    split: Stack, signed_in: SignIn
) -> None:
    admin = signed_in(ADMIN, "admin")
    member = await hire(admin)
    teller = signed_in("revoked", "teller")

    async def let_in() -> bool:
        return await statuses(teller) == [200, 200, 200, 404]

    async def refused() -> bool:
        return await statuses(teller) == [503] * 4

    async def told() -> bool:
        return await statuses(teller) == [403] * 4

    await until(let_in)
    with frozen(split):
        headers = {"If-Match": f'"{member["version"]}"'}
        changed = await admin.client.put(f"/api/v1/staff/{member['id']}/roles", json={"roles": []}, headers=headers)
        assert changed.status_code == 200, changed.text
        began = time.monotonic()
        assert await let_in(), "they cannot know it yet, so the test would show nothing"
        await until(refused, seconds=MAX_AGE + 1)
        assert time.monotonic() - began < MAX_AGE
    await until(told)
