"""The whole system, started as `make run` starts it, in a folder of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from rich.console import Console

from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from tests.conftest import JARS
from tests.e2e.person import Person, SignIn
from tests.ports import free_port, free_ports_in_a_row


@asynccontextmanager
async def started(home: Path, *, replicas: int = 0, authz_max_age: int = 300) -> AsyncIterator[Stack]:
    settings = LocalSettings(
        home=home,
        base_port=free_ports_in_a_row(40),
        postgres_port=free_port(),
        kafka_port=free_port(),
        kafka_controller_port=free_port(),
        jar_cache=JARS,
        authz_max_age=authz_max_age,
    )
    with (home / "console.log").open("w") as log:
        stack = Stack(settings, Console(file=log), replicas=replicas)
        try:
            await stack.start()
            yield stack
        finally:
            await stack.stop()


@asynccontextmanager
async def signing_in(stack: Stack) -> AsyncIterator[SignIn]:
    """Lets people sign in at a stack's gateway."""
    async with AsyncExitStack() as clients:

        def sign_in(subject: str, *roles: str) -> Person:
            headers = {"Authorization": f"Bearer {stack.issuer.token(subject, list(roles))}"}
            client = httpx.AsyncClient(base_url=stack.settings.gateway, headers=headers, timeout=15)
            clients.push_async_callback(client.aclose)
            return Person(client)

        yield sign_in
