"""The topics as the architecture names them: what is kept, how, and by which key."""

from datetime import timedelta
from typing import Any

import pytest

from guanxi.asyncapi import document, records
from libs.common.housekeeping import INBOX, OUTBOX
from libs.common.topics import Topic
from libs.contracts.catalogue import CORE, DOCUMENTED, EVENTS, REFERENCES, SECTIONS, TOPICS

WEEK, THREE_WEEKS = timedelta(days=7), timedelta(days=21)
DECLARED = {
    "crm.customer.events.v1": ("delete", THREE_WEEKS),
    "crm.manager.events.v1": ("delete", THREE_WEEKS),
    "crm.complaints.events.v1": ("delete", THREE_WEEKS),
    "crm.marketing.events.v1": ("delete", THREE_WEEKS),
    "crm.scoring.events.v1": ("delete", THREE_WEEKS),
    "crm.section.customer.v1": ("compact", WEEK),
    "crm.section.manager.v1": ("compact", WEEK),
    "crm.section.complaints.v1": ("compact", WEEK),
    "crm.section.marketing.v1": ("compact", WEEK),
    "crm.section.scoring.v1": ("compact", WEEK),
    "crm.reference.customer.v1": ("compact", WEEK),
    "crm.reference.assignment.v1": ("compact", WEEK),
    "crm.reference.org_unit.v1": ("compact", WEEK),
    "crm.reference.staff.v1": ("compact", WEEK),
    "crm.reference.case.v1": ("compact", WEEK),
    "core.accounts.v1": ("delete", THREE_WEEKS),
    "core.transactions.v1": ("delete", THREE_WEEKS),
    "crm.dead_letters.v1": ("delete", THREE_WEEKS),
    "crm.audit.v1": ("delete", THREE_WEEKS),
}
KEYS = {
    "crm.section.customer.v1": "customer",
    "crm.section.manager.v1": "customer",
    "crm.section.complaints.v1": "customer",
    "crm.section.marketing.v1": "customer",
    "crm.section.scoring.v1": "customer",
    "crm.reference.customer.v1": "customer",
    "crm.reference.assignment.v1": "customer",
    "crm.reference.org_unit.v1": "organisation unit",
    "crm.reference.staff.v1": "member of staff",
    "crm.reference.case.v1": "customer",
}


def test_the_topics_are_those_of_the_architecture() -> None:
    assert {topic.name: (topic.cleanup, topic.retention) for topic in TOPICS} == DECLARED


def test_no_topic_is_named_twice() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_a_name_tells_what_a_topic_holds() -> None:
    assert all(topic.name.startswith("crm.") and topic.name.endswith(".events.v1") for topic in EVENTS)
    assert all(topic.name.startswith("crm.section.") for topic, _ in SECTIONS.values())
    assert all(topic.name.startswith("crm.reference.") for topic in REFERENCES)
    assert all(topic.name.startswith("core.") for topic in CORE)


def test_truth_is_compacted_and_events_are_forgotten() -> None:
    compacted = {topic for topic in TOPICS if topic.cleanup == "compact"}
    assert compacted == {*(topic for topic, _ in SECTIONS.values()), *REFERENCES}


def test_the_outbox_forgets_before_the_topic_and_the_topic_before_the_inbox() -> None:
    assert all(OUTBOX < topic.retention < INBOX for topic in EVENTS)


@pytest.mark.parametrize("name", KEYS)
def test_a_compacted_topic_is_keyed_as_the_architecture_says(name: str) -> None:
    key = document()["components"]["messages"][name]["bindings"]["kafka"]["key"]
    assert key["format"] == "uuid"
    assert f"The id of the {KEYS[name]}, as text." in key["description"]


def test_a_key_is_known_of_every_compacted_topic() -> None:
    assert set(KEYS) == {topic.name for topic in TOPICS if topic.cleanup == "compact"}


@pytest.mark.parametrize("topic", DOCUMENTED, ids=lambda topic: topic.name)
def test_a_channel_tells_the_settings_that_the_broker_gets(topic: Topic) -> None:
    binding: dict[str, Any] = document()["channels"][topic.name]["bindings"]["kafka"]
    told = binding["topicConfiguration"]
    assert told.pop("cleanup.policy") == [topic.cleanup]
    assert {name: str(value) for name, value in told.items()}.items() <= topic.config.items()
    assert told


def test_an_epoch_may_begin_in_every_topic_of_events() -> None:
    assert {record.topic for record in records() if record.kind == "epoch"} == set(EVENTS)


def test_a_watermark_stands_in_every_compacted_topic() -> None:
    marked = {record.topic.name for record in records() if record.kind == "watermark"}
    assert marked == {topic.name for topic in TOPICS if topic.cleanup == "compact"}
