from collections.abc import AsyncIterator

import pytest

from guanxi.local.stack import Stack
from tests.collector import Collector, collecting
from tests.e2e.person import SignIn
from tests.e2e.stacks import signing_in, started


@pytest.fixture(scope="package")
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as opened:
        yield opened


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> AsyncIterator[Stack]:
    """Every request is traced."""
    traced = {"otlp_endpoint": collector.url, "trace_share": 1.0}
    async with started(tmp_path_factory.mktemp("stack"), **traced) as running:
        yield running


@pytest.fixture(scope="package")
async def signed_in(stack: Stack) -> AsyncIterator[SignIn]:
    async with signing_in(stack) as sign_in:
        yield sign_in
