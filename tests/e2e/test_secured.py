"""The whole system with TLS on every hop that can have it, signed in at a real provider, each app its own principal.

PostgreSQL's wheel has no TLS: see tests/libs/common/test_database_tls.py.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from rich.console import Console

from guanxi.cluster.connection import Cluster
from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from tests.e2e.person import Person
from tests.e2e.stacks import apart, console_of, running
from tests.e2e.test_story import view_when
from tests.oidc.provider import Provider
from tests.polling import PATIENCE, until
from tests.ports import free_port
from tests.secured import Secured

pytestmark = [pytest.mark.e2e, pytest.mark.deep]


CLIENTS = {"admin": ["admin"], "teller": ["teller"]}


class SecuredSettings(LocalSettings):
    def address(self, app: str, offset: int = 0) -> str:
        return super().address(app, offset).replace("http:", "https:")


class SecuredStack(Stack):
    """As `make run` starts it, but for what production demands."""

    def __init__(self, settings: LocalSettings, console: Console) -> None:
        super().__init__(settings, console)
        self.secured = Secured.make(settings.home, settings.kafka_port, settings.kafka_controller_port)
        self.kafka, self.certificates = self.secured.broker, self.secured.certificates
        self.trust = self.certificates.trust()
        self.provider = Provider(free_port(), settings.home, self.certificates, CLIENTS)

    def cluster(self) -> Cluster:
        return self.secured.cluster()

    async def make_topics(self) -> None:
        await super().make_topics()
        await self.secured.let_in()

    def environment(self, app: str) -> dict[str, str]:
        admin = {"GUANXI_FIRST_ADMIN": f"{self.provider.issuer} admin"} if app == "manager" else {}
        return {
            **super().environment(app),
            **admin,
            "GUANXI_ISSUERS": json.dumps([{"issuer": self.provider.issuer}]),
            "GUANXI_KAFKA_TLS": "true",
            "GUANXI_KAFKA_USER": app,
            "GUANXI_KAFKA_PASSWORD": self.secured.passwords[app],
            "GUANXI_TLS_CERTIFICATE": str(self.certificates.certificate),
            "GUANXI_TLS_KEY": str(self.certificates.key),
            "GUANXI_TLS_AUTHORITIES": str(self.certificates.authorities),
        }


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecuredStack]:
    settings = apart(SecuredSettings, tmp_path_factory.mktemp("secured"))
    with console_of(settings) as console:
        made = SecuredStack(settings, console)
        try:
            await made.provider.start([RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)])
            async with running(made):
                yield made
        finally:
            await made.provider.stop()


@pytest.fixture(scope="module")
async def people(stack: SecuredStack) -> AsyncIterator[dict[str, Person]]:
    made = {}
    for name in CLIENTS:
        headers = {"Authorization": f"Bearer {await stack.provider.token(name)}"}
        client = httpx.AsyncClient(
            base_url=stack.settings.gateway, verify=stack.trust, headers=headers, timeout=PATIENCE
        )
        made[name] = Person(client)
    yield made
    for person in made.values():
        await person.client.aclose()


async def succeeding(person: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a command makes, as soon as everything that it rests on has come round."""
    answer = httpx.Response(0)

    async def succeeds() -> bool:
        nonlocal answer
        answer = await person.post(path, body)
        return answer.status_code == 201

    await until(succeeds)
    made: dict[str, Any] = answer.json()
    return made


async def test_a_customer_is_registered_and_seen_over_tls(stack: SecuredStack, people: dict[str, Person]) -> None:
    admin, teller = people["admin"], people["teller"]
    unit = await succeeding(admin, "/api/v1/org-units", {"code": "0001", "name": "Branch", "kind": "branch"})
    login = {"issuer": stack.provider.issuer, "subject": "teller"}
    hired = {"number": "T-0001", "name": "Teller", "unit_ids": [unit["id"]], "roles": ["teller"], "logins": [login]}
    await succeeding(admin, "/api/v1/staff", hired)
    customer = await succeeding(
        teller, "/api/v1/customers", {"kind": "person", "name": "测试", "home_unit_id": unit["id"]}
    )
    await view_when(teller, customer["id"], lambda sections: sections["profile"]["state"] == "ok")

    def all_answer_in_time(sections: dict[str, Any]) -> bool:
        return {section["state"] for section in sections.values()} == {"ok"}

    await view_when(teller, customer["id"], all_answer_in_time, consistency="live")


async def test_without_tls_nobody_is_answered(stack: SecuredStack) -> None:
    plain = stack.settings.gateway.replace("https:", "http:")
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"{plain}/docs")


async def test_another_authority_is_not_believed(stack: SecuredStack) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"{stack.settings.gateway}/docs")
