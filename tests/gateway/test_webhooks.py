"""Partners are told over webhooks: signed, in order, again where they did not take it, and only of who consents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from gateway import main as gateway
from gateway.settings import GatewaySettings
from gateway.webhooks.intake import spread
from gateway.webhooks.sending import Sender
from gateway.webhooks.storage import TIDYING
from gateway.webhooks.webhook import TYPES
from gateway.worker import sender as new_sender
from libs.common.database import Database
from libs.common.ids import new_id
from libs.contracts.catalogue import REFERENCES
from libs.directory.scope import SystemScope
from tests.conftest import Ground
from tests.receiver import Message, Receiver, receiving

UPDATED, OPENED = "crm.customer.updated.v1", "crm.account.opened.v1"
BACK_OFF = (0.0, 0.0)


@dataclass
class Partner:
    """One partner, its endpoint, the gateway's API and the sender of its worker."""

    name: str
    client: httpx.AsyncClient
    receiver: Receiver
    sender: Sender
    database: asyncpg.Connection

    async def post(self, path: str, body: Any = None, version: int | None = None, key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.client.post(f"/api/v1/webhooks{path}", json=body, headers=headers)

    async def get(self, path: str = "", **query: str) -> Any:
        answer = await self.client.get(f"/api/v1/webhooks{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def register(self, *types: str) -> dict[str, Any]:
        answer = await self.post("", {"url": self.receiver.url, "types": list(types or (UPDATED, OPENED))})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def secret(self, webhook: dict[str, Any]) -> str:
        return str((await self.get(f"/{webhook['id']}/secrets"))["secrets"][0]["secret"])

    async def customer(self, *, consents: bool = True) -> UUID:
        id_ = new_id()
        await self.database.execute(
            "INSERT INTO directory.customers (customer_id, version, changed_at, status, canonical_id, partner_consents)"
            " VALUES ($1, 1, now(), 'active', $1, $2)",
            id_,
            [self.name] if consents else [],
        )
        return id_

    async def happens(self, customer_id: UUID, sequence: int = 1, type_: str = UPDATED) -> UUID:
        event_id = new_id()
        await self.database.execute(
            "INSERT INTO edge.webhook_events (event_id, type, customer_id, subject, sequence, occurred_at, received_at)"
            " VALUES ($1, $2, $3, $3, $4, clock_timestamp(), clock_timestamp())",
            event_id,
            type_,
            customer_id,
            sequence,
        )
        return event_id

    async def complete(self) -> None:
        """The directory has heard everything up to now."""
        await self.database.executemany(
            "INSERT INTO directory.watermarks VALUES ($1, 0, clock_timestamp())"
            " ON CONFLICT (topic, partition) DO UPDATE SET as_of = excluded.as_of",
            [(topic.name,) for topic in REFERENCES],
        )

    async def deliver(self, webhook: dict[str, Any], rounds: int = 10) -> None:
        """Everything that is due, tries that follow at once among it."""
        await self.complete()
        while await spread(self.database):
            pass
        for _ in range(rounds):
            for id_ in await self.sender._due(UUID(webhook["id"])):
                await self.sender.send(UUID(webhook["id"]), id_)

    async def log(self, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get(f"/{webhook['id']}/deliveries", **query))["items"]
        return items


@asynccontextmanager
async def partner_of(ground: Ground, name: str, **changed: Any) -> AsyncIterator[Partner]:
    told = {"upstreams": {}, "webhook_networks": ["127.0.0.0/8"], "webhook_back_off": BACK_OFF, **changed}
    settings = ground.settings("webhooks", GatewaySettings, **told)
    assert isinstance(settings, GatewaySettings)
    app, database = gateway.app(settings), Database(settings.dsn, pool=4)
    sender = new_sender(settings, database)
    connection = await asyncpg.connect(settings.dsn)
    headers = {"Authorization": f"Bearer {ground.issuer.token(name, ['partner'])}"}
    transport = httpx.ASGITransport(app.public)
    try:
        async with (
            receiving() as receiver,
            httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client,
        ):
            partner = Partner(name, client, receiver, sender, connection)
            await partner.complete()
            yield partner
    finally:
        await connection.close()
        await sender.trail.close()
        await app.close()
        await database.close()


@pytest.fixture(scope="module", autouse=True)
async def _migrated(ground: Ground) -> None:
    await ground.migrate("webhooks", "gateway")


@pytest.fixture
async def partner(ground: Ground) -> AsyncIterator[Partner]:
    async with partner_of(ground, f"partner-{uuid4()}") as opened:
        yield opened


async def test_an_event_is_told_signed_and_says_no_more_than_what_happened(partner: Partner) -> None:
    webhook = await partner.register()
    customer_id = await partner.customer()
    event_id = await partner.happens(customer_id, 3)
    await partner.deliver(webhook)
    (message,) = partner.receiver.messages
    Verifier(await partner.secret(webhook)).verify(message.body, message.headers)
    assert message.headers["content-type"] == "application/cloudevents+json"
    time = datetime.fromisoformat(message.event.pop("time"))
    assert datetime.now(UTC) - time < timedelta(minutes=1)
    assert {k: v for k, v in message.event.items() if k != "time"} == {
        "specversion": "1.0", "id": str(event_id), "source": "/guanxi", "type": UPDATED, "subject": str(customer_id),
        "sequence": "3", "datacontenttype": "application/json", "data": {"customer_id": str(customer_id)},
    }  # fmt: skip
    (delivery,) = await partner.log(webhook)
    assert (delivery["status"], delivery["id"], delivery["event_id"]) == ("delivered", message.id, str(event_id))
    told = await partner.get(f"/{webhook['id']}/deliveries/{delivery['id']}")
    assert [(attempt["status"], attempt["error"]) for attempt in told["attempts"]] == [(204, None)]


async def test_another_body_another_time_and_another_secret_do_not_fit_the_signature(partner: Partner) -> None:
    webhook = await partner.register()
    await partner.happens(await partner.customer())
    await partner.deliver(webhook)
    (message,) = partner.receiver.messages
    verifier = Verifier(await partner.secret(webhook))
    later = {**message.headers, "webhook-timestamp": str(int(message.headers["webhook-timestamp"]) + 1)}
    other = {**message.headers, "webhook-id": str(uuid4())}
    for body, headers in ((message.body + b" ", message.headers), (message.body, later), (message.body, other)):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(await partner.secret(await partner.register())).verify(message.body, message.headers)


async def test_only_what_was_asked_for_and_only_of_who_consents(partner: Partner) -> None:
    webhook = await partner.register(UPDATED)
    consenting, other = await partner.customer(), await partner.customer(consents=False)
    wanted = await partner.happens(consenting)
    await partner.happens(consenting, type_=OPENED)
    await partner.happens(other)
    await partner.deliver(webhook)
    assert [message.event["id"] for message in partner.receiver.messages] == [str(wanted)]


async def test_a_consent_that_is_withdrawn_before_it_is_sent_withholds_it(partner: Partner) -> None:
    webhook = await partner.register()
    customer_id = await partner.customer()
    await partner.happens(customer_id)
    await partner.complete()
    await spread(partner.database)
    withdrawn = "UPDATE directory.customers SET partner_consents = '{}' WHERE customer_id = $1"
    await partner.database.execute(withdrawn, customer_id)
    await partner.deliver(webhook)
    assert partner.receiver.messages == []
    assert await partner.log(webhook) == [], "nor does the log tell of them any more"
    kept = "SELECT status FROM edge.webhook_deliveries WHERE customer_id = $1"
    assert await partner.database.fetchval(kept, customer_id) == "withheld"


async def test_an_event_waits_until_consents_are_known_as_far_as_it(partner: Partner) -> None:
    webhook = await partner.register()
    await partner.complete()
    customer_id = await partner.customer(consents=False)
    await partner.happens(customer_id)
    assert await spread(partner.database) == 0
    granted = "UPDATE directory.customers SET partner_consents = $2 WHERE customer_id = $1"
    await partner.database.execute(granted, customer_id, [partner.name])
    await partner.deliver(webhook)
    assert len(partner.receiver.messages) == 1


async def test_a_consent_is_told_to_its_own_party_alone(partner: Partner) -> None:
    webhook = await partner.register("crm.consent.granted.v1")
    customer_id = await partner.customer()
    for party in ("another", partner.name):
        await partner.happens(customer_id, type_="crm.consent.granted.v1")
        latest = "UPDATE edge.webhook_events SET party = $1 WHERE place = (SELECT max(place) FROM edge.webhook_events)"
        await partner.database.execute(latest, party)
    await partner.deliver(webhook)
    assert len(partner.receiver.messages) == 1


async def test_what_is_not_taken_is_tried_again_with_the_same_id_and_then_given_up(partner: Partner) -> None:
    webhook = await partner.register()
    await partner.happens(await partner.customer())
    partner.receiver.answer = lambda _: (500, {})
    await partner.deliver(webhook)
    assert len(partner.receiver.messages) == len(BACK_OFF) + 1
    assert len({message.id for message in partner.receiver.messages}) == 1
    (delivery,) = await partner.log(webhook, status="failed")
    told = await partner.get(f"/{webhook['id']}/deliveries/{delivery['id']}")
    assert [attempt["status"] for attempt in told["attempts"]] == [500] * 3
    partner.receiver.answer = lambda _: (200, {})
    again = await partner.post(f"/{webhook['id']}/deliveries/{delivery['id']}/redeliver", version=told["version"])
    assert (again.status_code, again.json()["status"]) == (202, "waiting")
    await partner.deliver(webhook)
    assert len({(m.id, m.event["id"]) for m in partner.receiver.messages}) == 1, "redelivered with the same ids"
    assert [item["status"] for item in await partner.log(webhook)] == ["delivered"]


async def test_messages_of_one_customer_keep_their_order_and_hold_up_nobody_else(partner: Partner) -> None:
    webhook = await partner.register()
    slow, other = await partner.customer(), await partner.customer()
    first = await partner.happens(slow, 1)
    await partner.happens(slow, 2)
    elsewhere = await partner.happens(other, 1)
    refused = {str(first): 2}

    def answer(message: Message) -> tuple[int, dict[str, str]]:
        refused[message.event["id"]] = refused.get(message.event["id"], 0) - 1
        return (503 if refused[message.event["id"]] >= 0 else 200), {}

    partner.receiver.answer = answer
    await partner.deliver(webhook)
    told = [(m.event["subject"], m.event["sequence"]) for m in partner.receiver.messages]
    assert [sequence for subject, sequence in told if subject == str(slow)] == ["1", "1", "1", "2"]
    place = [m.event["id"] for m in partner.receiver.messages].index(str(elsewhere))
    assert place < 3, "the other customer's did not wait"


async def test_how_long_to_wait_is_heard(ground: Ground) -> None:
    async with partner_of(ground, f"partner-{uuid4()}") as partner:
        webhook = await partner.register()
        customer_id = await partner.customer()
        await partner.happens(customer_id, 1)
        await partner.happens(customer_id, 2)
        partner.receiver.answer = lambda _: (429, {"Retry-After": "600"})
        await partner.deliver(webhook)
        assert len(partner.receiver.messages) == 1
        for delivery in await partner.log(webhook):
            due = datetime.fromisoformat(delivery["due_at"]) - datetime.now(UTC)
            assert timedelta(seconds=500) < due < timedelta(seconds=700)


async def test_410_stops_the_webhook_until_its_partner_resumes_it(partner: Partner) -> None:
    webhook = await partner.register()
    customer_id = await partner.customer()
    await partner.happens(customer_id, 1)
    partner.receiver.answer = lambda _: (410, {})
    await partner.deliver(webhook)
    stopped = await partner.get(f"/{webhook['id']}")
    assert (stopped["status"], stopped["status_reason"]) == ("stopped", "The endpoint answered 410.")
    partner.receiver.answer = lambda _: (200, {})
    await partner.happens(customer_id, 2)
    await partner.deliver(webhook)
    assert len(partner.receiver.messages) == 1, "nothing is sent"
    assert (await partner.post(f"/{webhook['id']}/ping")).status_code == 409
    resumed = await partner.post(f"/{webhook['id']}/resume", version=stopped["version"])
    assert resumed.json()["status"] == "active"
    await partner.deliver(webhook)
    assert [m.event["sequence"] for m in partner.receiver.messages] == ["1", "1", "2"]


async def test_two_secrets_are_valid_while_one_takes_the_others_place(partner: Partner) -> None:
    webhook = await partner.register()
    old = await partner.secret(webhook)
    changed = await partner.post(f"/{webhook['id']}/secrets", {"overlap_hours": 1}, version=webhook["version"])
    assert changed.status_code == 200, changed.text
    held = (await partner.get(f"/{webhook['id']}/secrets"))["secrets"]
    assert [secret["secret"] == old for secret in held] == [False, True]
    assert [secret["valid_until"] is None for secret in held] == [True, False]
    await partner.happens(await partner.customer())
    await partner.deliver(webhook)
    (message,) = partner.receiver.messages
    for secret in held:
        Verifier(secret["secret"]).verify(message.body, message.headers)
    at_once = {"overlap_hours": 0}
    assert (await partner.post(f"/{webhook['id']}/secrets", at_once, changed.json()["version"])).status_code == 200
    last = (await partner.get(f"/{webhook['id']}/secrets"))["secrets"]
    assert len(last) == 1
    assert last[0]["secret"] not in [secret["secret"] for secret in held]


async def test_secrets_are_stored_encrypted_and_not_to_be_kept_on_the_way(partner: Partner) -> None:
    webhook = await partner.register()
    answer = await partner.client.get(f"/api/v1/webhooks/{webhook['id']}/secrets")
    assert answer.headers["cache-control"] == "no-store"
    secret = answer.json()["secrets"][0]["secret"].encode()
    rows = await partner.database.fetch("SELECT secret_sealed FROM edge.webhook_secrets")
    assert rows
    assert not any(secret in row["secret_sealed"] or secret[6:] in row["secret_sealed"] for row in rows)


async def test_a_ping_tells_of_nobody(partner: Partner) -> None:
    webhook = await partner.register()
    key = str(uuid4())
    sent = await partner.post(f"/{webhook['id']}/ping", key=key)
    repeated = await partner.post(f"/{webhook['id']}/ping", key=key)
    assert (sent.status_code, repeated.json()["id"]) == (202, sent.json()["id"])
    await partner.deliver(webhook)
    (message,) = partner.receiver.messages
    assert (message.event["type"], message.event["data"]) == ("crm.webhook.pinged.v1", {"customer_id": None})


async def test_each_partner_sees_its_own_alone(ground: Ground, partner: Partner) -> None:
    webhook = await partner.register()
    await partner.happens(await partner.customer())
    await partner.deliver(webhook)
    (delivery,) = await partner.log(webhook)
    async with partner_of(ground, f"partner-{uuid4()}") as stranger:
        for path in ("", "/secrets", "/deliveries", f"/deliveries/{delivery['id']}"):
            assert (await stranger.client.get(f"/api/v1/webhooks/{webhook['id']}{path}")).status_code == 404
        for path in ("/pause", "/end", "/ping", f"/deliveries/{delivery['id']}/redeliver"):
            assert (await stranger.post(f"/{webhook['id']}{path}", version=1)).status_code == 404
        assert (await stranger.get())["items"] == []
        own = await stranger.register()
        mixed = f"/api/v1/webhooks/{own['id']}/deliveries/{delivery['id']}"
        assert (await stranger.client.get(mixed)).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://10.0.0.1/", "types": [UPDATED]}, "url"),
        ({"url": "https://169.254.169.254/latest", "types": [UPDATED]}, "url"),
        ({"url": "https://[::ffff:10.0.0.1]/", "types": [UPDATED]}, "url"),
        ({"url": "ftp://hooks.example/", "types": [UPDATED]}, "url"),
        ({"url": "https://hooks.example/", "types": ["crm.pii.revealed.v1"]}, "types"),
        ({"url": "https://hooks.example/", "types": []}, "types"),
        ({"url": "https://hooks.example/", "types": [UPDATED], "partner": "another"}, "partner"),
    ],
)
async def test_wrong_input_is_named(partner: Partner, body: dict[str, Any], field: str) -> None:
    answer = await partner.post("", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    assert (await partner.get())["items"] == []


async def test_an_endpoint_that_leads_inside_is_told_nothing(ground: Ground) -> None:
    """The name is looked at when something is sent: it may have led elsewhere when it was given."""
    async with partner_of(ground, f"partner-{uuid4()}", webhook_networks=[]) as partner:
        inside = partner.receiver.url.replace("http://127.0.0.1", "https://localhost")
        made = await partner.post("", {"url": inside, "types": [UPDATED]})
        assert made.status_code == 201, made.text
        await partner.happens(await partner.customer())
        await partner.deliver(made.json())
        assert partner.receiver.messages == []
        (delivery,) = await partner.log(made.json())
        told = await partner.get(f"/{made.json()['id']}/deliveries/{delivery['id']}")
        assert {a["error"] for a in told["attempts"]} == {"It leads to an address that is not public."}


async def test_a_partner_has_so_many_and_no_more(ground: Ground) -> None:
    async with partner_of(ground, f"partner-{uuid4()}", most_webhooks_of_one=1) as partner:
        webhook = await partner.register()
        body = {"url": partner.receiver.url, "types": [UPDATED]}
        assert (await partner.post("", body)).status_code == 409
        assert (await partner.post(f"/{webhook['id']}/end", version=1)).json()["status"] == "ended"
        assert (await partner.post("", body)).status_code == 201
        assert [item["status"] for item in (await partner.get(status="ended"))["items"]] == ["ended"]


async def test_what_moves_are_possible_is_said(partner: Partner) -> None:
    webhook = await partner.register()
    ended = await partner.post(f"/{webhook['id']}/end", version=1)
    answer = await partner.post(f"/{webhook['id']}/resume", version=ended.json()["version"])
    assert answer.status_code == 409
    assert "possible: nothing" in answer.json()["detail"]
    assert (await partner.post(f"/{webhook['id']}/pause", version=1)).status_code == 412
    assert (await partner.post(f"/{webhook['id']}/pause")).status_code == 428
    described = await partner.client.put(
        f"/api/v1/webhooks/{webhook['id']}",
        json={"url": partner.receiver.url, "types": [UPDATED]},
        headers={"If-Match": ended.headers["etag"]},
    )
    assert described.status_code == 409


async def test_each_message_that_is_sent_leaves_an_audit_entry(partner: Partner) -> None:
    webhook = await partner.register()
    customer_id = await partner.customer()
    await partner.happens(customer_id)
    await partner.deliver(webhook)
    rows = await partner.database.fetch(
        "SELECT content::jsonb->>'actor' AS actor FROM audit_entries WHERE content::jsonb->'customer_ids' ? $1",
        str(customer_id),
    )
    assert [row["actor"] for row in rows if row["actor"]] == [f"partner {partner.name}"]


async def test_what_is_too_old_is_given_up_and_forgotten(partner: Partner) -> None:
    webhook = await partner.register()
    await partner.happens(await partner.customer())
    await partner.complete()
    await spread(partner.database)
    give_up, forget = TIDYING
    async with partner.sender.database.unit_of_work(SystemScope()) as uow:
        await give_up.sweep(uow, datetime.now(UTC) + timedelta(days=4))
    assert [item["status"] for item in await partner.log(webhook)] == ["failed"]
    async with partner.sender.database.unit_of_work(SystemScope()) as uow:
        await forget.sweep(uow, datetime.now(UTC) + timedelta(days=31))
    assert await partner.log(webhook) == []


def test_nothing_about_staff_or_other_parties_is_offered() -> None:
    assert all(name.startswith(("crm.customer.", "crm.account.", "crm.consent.granted")) for name in TYPES)


@pytest.mark.parametrize("network", ["127.0.0.0/8", "127.0.0.1/32", "169.254.0.0/16", "::1/128", "0.0.0.0/0"])
def test_production_lets_nobody_reach_what_runs_beside_the_gateway(ground: Ground, network: str) -> None:
    with pytest.raises(ValueError, match="this machine's own"):
        ground.settings("webhooks", GatewaySettings, upstreams={}, webhook_networks=[network], mode="production")
