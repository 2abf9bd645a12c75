"""A partner is told over a webhook what happens to a customer who consents to it; the gateway may be killed meanwhile."""

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Verifier

from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.stack import Stack
from tests.e2e.person import Person, SignIn
from tests.e2e.test_story import known, open_branch, view_when
from tests.polling import until
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.e2e

UPDATED, GRANTED = "crm.customer.updated.v1", "crm.consent.granted.v1"
PARTY = "insurer-w01"
TERMS = {"purpose": "third_party_sharing", "party": PARTY, "text_version": "sharing-v3"}


@dataclass
class Scene:
    """A customer who signs in, somebody at the counter, a partner and its endpoint."""

    teller: Person
    me: Person
    partner: Person
    receiver: Receiver
    customer_id: str
    webhook: dict[str, Any]

    async def changes(self, phone: int) -> None:
        """One more thing to tell of."""
        customer = (await self.teller.get(f"/api/v1/customers/{self.customer_id}")).json()
        body = {"kind": "phone", "value": f"139{phone:08d}"}
        url = f"/api/v1/customers/{self.customer_id}/contact-points"
        changed = await self.teller.post(url, body, customer["version"])
        assert changed.status_code == 201, changed.text

    def told(self, type_: str) -> list[int]:
        """The sequences that were told, each where it came first."""
        events = [message.event for message in self.receiver.messages if message.event["type"] == type_]
        return list(dict.fromkeys(int(event["sequence"]) for event in events))

    def consents_told(self) -> set[str]:
        """Each by the id of its message: every consent counts its own sequence."""
        return {message.id for message in self.receiver.messages if message.event["type"] == GRANTED}


@pytest.fixture(scope="module")
async def scene(signed_in: SignIn) -> AsyncIterator[Scene]:
    here = await open_branch(signed_in(ADMIN, "admin"), "w01")
    teller, head = signed_in("teller-w01", "teller"), signed_in("branch_head-w01", "branch_head")
    for person in (teller, head):
        await known(person)
    customer = (await teller.post("/api/v1/customers", {"name": "钩", "home_unit_id": here.unit_id})).json()
    await view_when(head, customer["id"], lambda sections: sections["profile"]["state"] == "ok")
    customer = (await head.get(f"/api/v1/customers/{customer['id']}")).json()
    login = {"issuer": ISSUER, "subject": "customer-w01"}
    bound = await head.post(f"/api/v1/customers/{customer['id']}/logins", login, customer["version"])
    assert bound.status_code == 201, bound.text
    me, partner = signed_in("customer-w01", "customer"), signed_in(PARTY, "partner")
    await view_when(me, customer["id"], lambda sections: sections["profile"]["state"] == "ok")
    async with receiving() as receiver:
        body = {"url": receiver.url, "types": [UPDATED, GRANTED], "description": "policies"}
        made = await partner.post("/api/v1/webhooks", body)
        assert made.status_code == 201, made.text
        yield Scene(teller, me, partner, receiver, customer["id"], made.json())


async def test_from_the_consent_on_and_until_it_is_withdrawn(scene: Scene) -> None:
    granted = await scene.me.post("/api/v1/me/consents", TERMS)
    assert granted.status_code == 201, granted.text

    async def is_told_of_the_consent() -> bool:
        return bool(scene.consents_told())

    await until(is_told_of_the_consent)
    before = len(scene.told(UPDATED))
    await scene.changes(2)

    async def is_told_of_the_change() -> bool:
        return len(scene.told(UPDATED)) == before + 1

    await until(is_told_of_the_change)
    secrets = (await scene.partner.get(f"/api/v1/webhooks/{scene.webhook['id']}/secrets")).json()["secrets"]
    for message in scene.receiver.messages:
        Verifier(secrets[0]["secret"]).verify(message.body, message.headers)
        assert message.event["data"] == {"customer_id": scene.customer_id}
    consent = granted.json()
    withdrawn = await scene.me.post(f"/api/v1/me/consents/{consent['id']}/withdraw", None, consent["version"])
    assert withdrawn.status_code == 200, withdrawn.text
    await scene.changes(3)
    pinged = await scene.partner.post(f"/api/v1/webhooks/{scene.webhook['id']}/ping")
    assert pinged.status_code == 202, pinged.text

    async def is_pinged() -> bool:
        return any(message.id == pinged.json()["id"] for message in scene.receiver.messages)

    await until(is_pinged)
    assert len(scene.told(UPDATED)) == before + 1


@pytest.mark.deep
async def test_a_gateway_that_is_killed_loses_nothing_and_keeps_the_order(scene: Scene, stack: Stack) -> None:
    """At least once, with the same ids; of one customer in order. Killed while messages are on their way."""
    before = len(scene.consents_told())
    granted = await scene.me.post("/api/v1/me/consents", TERMS)
    assert granted.status_code == 201, granted.text

    async def is_told_of_the_consent() -> bool:
        return len(scene.consents_told()) == before + 1

    await until(is_told_of_the_consent)
    before, killed = len(scene.told(UPDATED)), 0
    for number in range(12):
        await scene.changes(100 + number)
        if number % 4 == 1:
            os.kill(stack.pids()["gateway"], signal.SIGKILL)
            killed += 1

            async def is_back() -> bool:
                try:
                    return (await scene.teller.get(f"/api/v1/customers/{scene.customer_id}")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(is_back)
    assert killed == 3

    async def all_are_told() -> bool:
        return len(scene.told(UPDATED)) == before + 12

    await until(all_are_told)
    assert scene.told(UPDATED) == sorted(scene.told(UPDATED))
    by_id: dict[str, set[bytes]] = {}
    for message in scene.receiver.messages:
        by_id.setdefault(message.id, set()).add(message.body)
    assert all(len(bodies) == 1 for bodies in by_id.values()), "the same id, the same message"
