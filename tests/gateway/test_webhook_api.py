"""What a partner does with its webhooks: it sees its own alone, changes secrets without a gap, and is told what is wrong."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook as Verifier

from gateway.settings import GatewaySettings
from gateway.webhooks.webhook import TYPES
from tests.commands import commands_of
from tests.conftest import Ground
from tests.gateway.partner import UPDATED, Partner, partner_of

AT_ONCE = 8
PORTS = ("public", "internal", "management")

pytestmark = pytest.mark.usefixtures("webhooks_database")


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


async def test_every_command_of_the_gateways_own_needs_its_headers(partner: Partner) -> None:
    commands = list(commands_of(partner.app))
    assert {command.method for command in commands} == {"POST", "PUT"}
    for command in commands:
        await command.needs_its_headers(partner.client)


async def test_a_webhook_that_is_registered_many_times_at_once_is_one(partner: Partner) -> None:
    body, key = {"url": partner.receiver.url, "types": [UPDATED]}, str(uuid4())
    answers = await asyncio.gather(*[partner.post("", body, key=key) for _ in range(AT_ONCE)])
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    made = [answer for answer in answers if answer.status_code == 201]
    assert [answer.headers.get("Idempotency-Replayed") for answer in made].count(None) == 1
    assert {item["id"] for item in (await partner.get())["items"]} == {answer.json()["id"] for answer in made}
    other = await partner.post("", {**body, "description": "another"}, key=key)
    assert (other.status_code, "another command" in other.text) == (422, True)


async def test_of_many_changes_of_one_webhook_one_wins(partner: Partner) -> None:
    webhook = await partner.register()
    sent = [partner.post(f"/{webhook['id']}/pause", version=webhook["version"]) for _ in range(AT_ONCE)]
    statuses = [answer.status_code for answer in await asyncio.gather(*sent)]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 412, 503}
    assert 412 in statuses


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


def test_nothing_about_staff_or_other_parties_is_offered() -> None:
    assert all(name.startswith(("crm.customer.", "crm.account.", "crm.consent.granted")) for name in TYPES)


@pytest.mark.parametrize("plain", ["public", "internal", "management"])
def test_production_reaches_no_service_without_tls(ground: Ground, plain: str) -> None:
    at = {name: f"{'http' if name == plain else 'https'}://customer.bank.example" for name in PORTS}
    with pytest.raises(ValueError, match=r"upstream http://customer[.]bank[.]example is not https"):
        ground.settings("webhooks", GatewaySettings, upstreams={"customer": at}, mode="production")


@pytest.mark.parametrize("network", ["127.0.0.0/8", "127.0.0.1/32", "169.254.0.0/16", "::1/128", "0.0.0.0/0"])
def test_production_lets_nobody_reach_what_runs_beside_the_gateway(ground: Ground, network: str) -> None:
    with pytest.raises(ValueError, match="this machine's own"):
        ground.settings("webhooks", GatewaySettings, upstreams={}, webhook_networks=[network], mode="production")
