"""Who hears what, as the services say it; and what a partner can never be granted."""

import pytest

from guanxi.cluster.rendering import render
from guanxi.cluster.rights import grants_of
from libs.contracts.catalogue import EVENTS, TOPICS
from libs.contracts.principals import HEARS, PUBLISHERS, all_rights
from services.complaints import event_handlers as complaints
from services.customer import event_handlers as customer
from services.manager import event_handlers as manager
from services.marketing import event_handlers as marketing
from services.scoring import event_handlers as scoring

SUBSCRIPTIONS = {
    "complaints": complaints.SUBSCRIPTION,
    "customer": customer.SUBSCRIPTION,
    "manager": manager.SUBSCRIPTION,
    "marketing": marketing.SUBSCRIPTION,
    "scoring": scoring.SUBSCRIPTION,
}


def test_a_service_may_read_what_it_subscribes_to_and_nothing_else() -> None:
    heard = {name: {topic.name for topic in topics} for name, topics in HEARS.items()}
    assert heard == {name: set(subscription.topics) for name, subscription in SUBSCRIPTIONS.items()}


def test_every_topic_has_one_writer_but_those_of_all() -> None:
    writers = {topic.name: [r.principal for r in all_rights() if topic in r.writes] for topic in TOPICS}
    assert sorted(writers.pop("crm.audit.v1")) == sorted([*PUBLISHERS, "gateway"])
    assert sorted(writers.pop("crm.dead_letters.v1")) == sorted(PUBLISHERS)
    assert all(len(named) == 1 for named in writers.values()), writers


@pytest.mark.parametrize("name", ["acme.reports", "acme reports", "Acme", "", "-"])
def test_a_partners_name_keeps_its_groups_apart_from_anothers(name: str) -> None:
    with pytest.raises(ValueError, match="a name has small letters"):
        all_rights({name: []})


@pytest.mark.parametrize("topic", [topic.name for topic in TOPICS if topic not in EVENTS])
def test_a_partner_is_granted_event_topics_only(topic: str) -> None:
    with pytest.raises(ValueError, match="is not for partners"):
        all_rights({"acme": [topic]})


def test_strimzis_resources_say_the_same() -> None:
    import yaml  # noqa: PLC0415

    rights = all_rights({"acme": ["crm.customer.events.v1"]})
    resources = list(yaml.safe_load_all(render("bank", rights, partitions=12, replication=3)))
    topics = {r["spec"]["topicName"]: r["spec"] for r in resources if r["kind"] == "KafkaTopic"}
    users = {r["metadata"]["name"]: r["spec"] for r in resources if r["kind"] == "KafkaUser"}
    assert {r["metadata"]["labels"]["strimzi.io/cluster"] for r in resources} == {"bank"}
    assert topics.keys() == {topic.name for topic in TOPICS}
    assert all(topics[t.name]["config"].items() >= t.config.items() for t in TOPICS)
    for each in rights:
        told = {
            (operation.lower(), *(a["resource"][part] for part in ("type", "name", "patternType")))
            for a in users[each.principal]["authorization"]["acls"]
            for operation in a["operations"]
        }
        kinds = {False: "literal", True: "prefix"}
        assert told == {(grant.operation, grant.kind, grant.name, kinds[grant.prefixed]) for grant in grants_of(each)}
        assert users[each.principal]["authentication"] == {"type": "scram-sha-512"}
