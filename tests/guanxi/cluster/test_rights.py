"""Every principal tries to write and to read every topic of a secured broker. What it may is a table by hand."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import KafkaError
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from pydantic import SecretStr

from guanxi.cluster.connection import Cluster, ClusterAway
from guanxi.cluster.rights import ANYTHING, apply_rights
from guanxi.cluster.topics import apply_topics, compare_topics
from guanxi.local.kafka_properties import OPERATOR
from libs.common.kafka import new_producer
from libs.common.settings import Settings
from libs.contracts.catalogue import TOPICS
from libs.contracts.principals import all_rights
from tests.conftest import Ground
from tests.guanxi.cluster.trying import may_join, may_read, may_write
from tests.polling import until
from tests.secured import PARTNERS, Secured, secured

pytestmark = pytest.mark.deep

REFERENCES = {
    "crm.reference.customer.v1", "crm.reference.assignment.v1", "crm.reference.org_unit.v1",
    "crm.reference.staff.v1", "crm.reference.case.v1",
}  # fmt: skip
OF_ALL = {"crm.audit.v1", "crm.dead_letters.v1"}
MAY_WRITE = {
    "customer": {"crm.customer.events.v1", "crm.section.customer.v1", "crm.reference.customer.v1", *OF_ALL},
    "manager": {
        "crm.manager.events.v1", "crm.section.manager.v1", "crm.reference.assignment.v1",
        "crm.reference.org_unit.v1", "crm.reference.staff.v1", *OF_ALL,
    },
    "complaints": {
        "crm.complaints.events.v1", "crm.section.complaints.v1", "crm.reference.case.v1", *OF_ALL,
    },
    "marketing": {"crm.marketing.events.v1", "crm.section.marketing.v1", *OF_ALL},
    "scoring": {"crm.scoring.events.v1", "crm.section.scoring.v1", *OF_ALL},
    "gateway": {"crm.audit.v1"},
    "core": {"core.accounts.v1", "core.transactions.v1"},
    "partner-acme": set(),
    "partner-acme-labs": set(),
}  # fmt: skip
MAY_READ = {
    "customer": {
        "core.accounts.v1", "core.transactions.v1", "crm.customer.events.v1", "crm.manager.events.v1",
        "crm.marketing.events.v1", "crm.complaints.events.v1", "crm.scoring.events.v1", *REFERENCES,
    },
    "manager": {"crm.customer.events.v1", "crm.complaints.events.v1", *REFERENCES},
    "complaints": {"crm.customer.events.v1", *REFERENCES},
    "marketing": {"crm.customer.events.v1", "crm.complaints.events.v1", "crm.scoring.events.v1", *REFERENCES},
    "scoring": {"crm.customer.events.v1", *REFERENCES},
    "gateway": {
        "crm.section.customer.v1", "crm.section.manager.v1", "crm.section.complaints.v1", "crm.section.scoring.v1",
        "crm.section.marketing.v1", "crm.audit.v1",
        "crm.customer.events.v1", *REFERENCES,
    },
    "core": set(),
    "partner-acme": {"crm.complaints.events.v1"},
    "partner-acme-labs": {"crm.customer.events.v1", "crm.manager.events.v1"},
}  # fmt: skip
REFUSED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
EVERYTHING = AclBinding(
    ResourceType.TOPIC, "*", ResourcePatternType.LITERAL, "User:*", "*", AclOperation.ALL, AclPermissionType.ALLOW
)
GROUPS = {
    "customer": ["crm.customer", "crm.customer.directory"],
    "manager": ["crm.manager", "crm.manager.directory"],
    "complaints": ["crm.complaints", "crm.complaints.directory"],
    "marketing": ["crm.marketing", "crm.marketing.directory"],
    "scoring": ["crm.scoring", "crm.scoring.directory"],
    "gateway": ["crm.gateway.view", "crm.gateway.audit", "crm.gateway.webhooks"],
    "partner-acme": ["partner-acme", "partner-acme.reports"],
    "partner-acme-labs": ["partner-acme-labs", "partner-acme-labs.reports"],
}


@pytest.fixture(scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    async with secured(tmp_path_factory.mktemp("secured")) as opened:
        yield opened


def settings_of(ground: Ground, bank: Secured, principal: str, password: str | None = None) -> Settings:
    return ground.settings(
        "probe",
        service=principal,
        kafka=bank.broker.bootstrap,
        kafka_tls=True,
        kafka_user=principal,
        kafka_password=SecretStr(password or bank.passwords[principal]),
        tls_authorities=bank.certificates.authorities,
    )


@pytest.mark.parametrize("principal", MAY_WRITE)
async def test_a_principal_writes_its_own_topics_and_reads_what_it_hears(
    ground: Ground, bank: Secured, principal: str
) -> None:
    settings = settings_of(ground, bank, principal)
    written = {topic.name for topic in TOPICS if await may_write(settings, topic.name)}
    read = {topic.name for topic in TOPICS if await may_read(settings, topic.name)}
    assert (written, read) == (MAY_WRITE[principal], MAY_READ[principal])


def test_everybody_is_in_the_table() -> None:
    assert {each.principal for each in all_rights(PARTNERS)} == MAY_WRITE.keys() == MAY_READ.keys()


@pytest.mark.parametrize("principal", GROUPS)
async def test_a_principal_joins_its_own_groups_only(ground: Ground, bank: Secured, principal: str) -> None:
    settings, (topic, *_) = settings_of(ground, bank, principal), sorted(MAY_READ[principal])
    for group in (name for names in GROUPS.values() for name in names):
        joined = await may_join(settings, topic, group)
        assert joined == (group in GROUPS[principal]), group


def tried(admin: AdminClient) -> dict[str, dict[Any, Any]]:
    """What only an operator does, to every topic and to a new one: by name of the operation."""
    names = [topic.name for topic in TOPICS]
    longer = [ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)]
    altered = [ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=longer) for name in names]
    asked = {
        "create": admin.create_topics([NewTopic("crm.tried.v1", 1, 1)]),
        "describe": admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]),
        "alter": admin.incremental_alter_configs(altered),
        "add partitions": admin.create_partitions([NewPartitions(name, 9) for name in names]),
        "delete records": admin.delete_records([KafkaPartition(name, 0, 1) for name in names]),
        "delete": admin.delete_topics(names),
        "grant": admin.create_acls([EVERYTHING]),
    }
    return {
        operation: {str(what): done.exception(20) for what, done in futures.items()}
        for operation, futures in asked.items()
    }


@pytest.mark.parametrize("principal", MAY_WRITE)
async def test_a_principal_makes_changes_and_deletes_no_topic_and_grants_nothing(bank: Secured, principal: str) -> None:
    for operation, answers in (await bank.cluster(principal).ask(tried)).items():
        assert len(answers) in (1, len(TOPICS))
        for what, error in answers.items():
            assert error is not None, f"{operation} {what}"
            assert error.args[0].code() in REFUSED, f"{operation} {what}: {error}"


async def test_rights_are_granted_at_the_command_line(bank: Secured, tmp_path: Path) -> None:
    cluster, password = bank.cluster(), bank.passwords[OPERATOR]
    partners = tmp_path / "partners.toml"
    partners.write_text(
        "".join(f"[partners.{name}]\ntopics = {json.dumps(topics)}\n" for name, topics in PARTNERS.items())
    )
    env = {
        "PATH": os.environ["PATH"],
        "GUANXI_HOME": str(tmp_path / "home"),
        "GUANXI_KAFKA": cluster.kafka,
        "GUANXI_KAFKA_TLS": "true",
        "GUANXI_TLS_AUTHORITIES": str(cluster.tls_authorities),
        "GUANXI_KAFKA_USER": OPERATOR,
        "GUANXI_KAFKA_PASSWORD": password,
    }

    async def applied() -> list[str]:
        argv = [sys.executable, "-m", "guanxi.cli", "topics", "apply", "--rights", "--partners", str(partners)]
        process = await asyncio.create_subprocess_exec(*argv, env=env, stdout=PIPE, stderr=STDOUT)
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, said
        assert password not in said
        return said.splitlines()

    taken = await apply_rights(cluster, all_rights({}))
    assert len(taken) == len(await applied())
    assert await applied() == ["all topics are as declared"]
    assert await apply_rights(cluster, all_rights(PARTNERS)) == []


@pytest.mark.parametrize("wrong", ["another password", None])
async def test_nobody_is_let_in_unknown(ground: Ground, bank: Secured, wrong: str | None) -> None:
    settings = settings_of(ground, bank, "customer", wrong)
    if wrong is None:
        settings = settings.model_copy(update={"kafka_user": None})
    producer = new_producer(settings)
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


async def test_an_app_changes_no_rights_and_no_topics(bank: Secured) -> None:
    with pytest.raises(ClusterAway):
        await apply_rights(bank.cluster("customer"), all_rights(PARTNERS))


async def test_applied_again_nothing_is_left_to_do(bank: Secured) -> None:
    assert await compare_topics(bank.cluster()) == []
    assert await apply_topics(bank.cluster(), partitions=2, replication=1) == []
    assert await apply_rights(bank.cluster(), all_rights(PARTNERS)) == []


async def test_another_number_of_partitions_is_told_and_left_as_it_is(bank: Secured) -> None:
    """More of them would send keys elsewhere, and fewer has only a topic that is made again."""
    name = "crm.manager.events.v1"
    line = f"{name} with 3 partitions, and not 2"

    def add_one(admin: AdminClient) -> None:
        for altered in admin.create_partitions([NewPartitions(name, 3)]).values():
            altered.result()

    await bank.cluster().ask(add_one)

    async def told() -> bool:
        return await compare_topics(bank.cluster()) == [line]

    await until(told)
    assert await apply_topics(bank.cluster(), partitions=2, replication=1) == [f"left {line}"]
    assert await compare_topics(bank.cluster()) == [line]


async def test_a_partner_that_is_no_longer_named_reads_nothing(ground: Ground, bank: Secured) -> None:
    settings = settings_of(ground, bank, "partner-acme")
    taken = await apply_rights(bank.cluster(), all_rights({}))
    assert taken
    assert all(line.startswith("took back") for line in taken)
    assert not await may_read(settings, "crm.complaints.events.v1")
    await apply_rights(bank.cluster(), all_rights(PARTNERS))
    assert await may_read(settings, "crm.complaints.events.v1")


async def test_partners_who_were_not_spoken_of_are_left_alone_and_so_is_what_was_denied(bank: Secured) -> None:
    denied = AclBinding(
        ResourceType.TOPIC, "crm.complaints.events.v1", ResourcePatternType.LITERAL,
        "User:partner-acme", "10.0.0.1", AclOperation.READ, AclPermissionType.DENY,
    )  # fmt: skip
    admin = bank.cluster().admin()
    for done in admin.create_acls([denied]).values():
        done.result(10)
    assert await apply_rights(bank.cluster(), all_rights({}), partners=False) == []
    assert await apply_rights(bank.cluster(), all_rights(PARTNERS)) == []
    assert denied in admin.describe_acls(ANYTHING).result(10)


async def test_a_cluster_that_is_not_there_is_said_so() -> None:
    with pytest.raises(ClusterAway):
        await compare_topics(Cluster(kafka="127.0.0.1:1"))


def test_the_operator_is_nobody_of_the_contracts() -> None:
    assert OPERATOR not in MAY_WRITE
