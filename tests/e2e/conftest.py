from collections.abc import AsyncIterator

import pytest

from guanxi.local.stack import Stack
from tests.e2e.person import SignIn
from tests.e2e.stacks import signing_in, started


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with started(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="package")
async def signed_in(stack: Stack) -> AsyncIterator[SignIn]:
    async with signing_in(stack) as sign_in:
        yield sign_in
