"""The whole system, started as `make run` starts it, in a folder of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from rich.console import Console

from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from tests.conftest import JARS
from tests.e2e.person import Person, SignIn
from tests.ports import free_port, free_ports_in_a_row


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    home = tmp_path_factory.mktemp("stack")
    settings = LocalSettings(
        home=home,
        base_port=free_ports_in_a_row(40),
        postgres_port=free_port(),
        kafka_port=free_port(),
        kafka_controller_port=free_port(),
        jar_cache=JARS,
    )
    with (home / "console.log").open("w") as log:
        started = Stack(settings, Console(file=log))
        try:
            await started.start()
            yield started
        finally:
            await started.stop()


@pytest.fixture(scope="session")
async def signed_in(stack: Stack) -> AsyncIterator[SignIn]:
    async with AsyncExitStack() as clients:

        def sign_in(subject: str, *roles: str) -> Person:
            headers = {"Authorization": f"Bearer {stack.issuer.token(subject, list(roles))}"}
            client = httpx.AsyncClient(base_url=stack.settings.gateway, headers=headers, timeout=15)
            clients.push_async_callback(client.aclose)
            return Person(client)

        yield sign_in
