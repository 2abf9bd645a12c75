"""Partners are told over webhooks: signed, in order, again where they did not take it, and only of who consents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from gateway.webhooks.intake import spread
from gateway.webhooks.storage import TIDYING
from libs.common.leader import LeadershipLost
from libs.directory.scope import SystemScope
from tests.conftest import Ground
from tests.gateway.partner import BACK_OFF, OPENED, UPDATED, Partner, partner_of
from tests.receiver import Message

pytestmark = pytest.mark.usefixtures("webhooks_database")


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
        assert {a["error"] for a in told["attempts"]} == {"It leads to no public address."}


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
    give_up, forget, _ = TIDYING
    async with partner.sender.database.unit_of_work(SystemScope()) as uow:
        await give_up.sweep(uow, datetime.now(UTC) + timedelta(days=4))
    assert [item["status"] for item in await partner.log(webhook)] == ["failed"]
    async with partner.sender.database.unit_of_work(SystemScope()) as uow:
        await forget.sweep(uow, datetime.now(UTC) + timedelta(days=31))
    assert await partner.log(webhook) == []


async def test_what_ended_meanwhile_is_not_sent(partner: Partner) -> None:
    webhook = await partner.register()
    await partner.happens(await partner.customer())
    await partner.complete()
    await spread(partner.database)
    due = await partner.sender.due(UUID(webhook["id"]))
    assert (await partner.post(f"/{webhook['id']}/end", version=1)).status_code == 200
    for delivery_id in due:
        assert await partner.sender.send(UUID(webhook["id"]), delivery_id, lambda: None)
    assert partner.receiver.messages == []
    (delivery,) = await partner.log(webhook)
    again = f"/{webhook['id']}/deliveries/{delivery['id']}/redeliver"
    assert (await partner.post(again, version=delivery["version"])).status_code == 409


async def test_who_may_not_go_on_sends_nothing(partner: Partner) -> None:
    """Another leads by now."""
    webhook = await partner.register()
    await partner.happens(await partner.customer())
    await partner.complete()
    await spread(partner.database)

    def lost() -> None:
        raise LeadershipLost

    for delivery_id in await partner.sender.due(UUID(webhook["id"])):
        with pytest.raises(LeadershipLost):
            await partner.sender.send(UUID(webhook["id"]), delivery_id, lost)
    assert partner.receiver.messages == []
    assert [item["status"] for item in await partner.log(webhook)] == ["waiting"]
