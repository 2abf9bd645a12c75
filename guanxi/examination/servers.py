"""PostgreSQL and Kafka: do they answer, and are the topics as the contracts declare them?"""

import asyncio

from guanxi.cluster.connection import Cluster, ClusterAway
from guanxi.cluster.topics import compare_topics
from guanxi.examination.finding import SECONDS, Finding
from guanxi.local.kafka_answer import cluster_that_answers
from guanxi.local.ports import listens, parts_of
from guanxi.local.servers import kafka_of, postgres_of
from guanxi.local.settings import LocalSettings
from libs.contracts.catalogue import TOPICS

START = "start `guanxi up`"


async def examine_postgres(settings: LocalSettings) -> Finding:
    where = postgres_of(settings).place
    if await listens(*parts_of(where)):
        return Finding("PostgreSQL", well=True, says=f"listens at {where}")
    return Finding("PostgreSQL", well=False, says=f"nothing listens at {where}", advice=START)


async def examine_kafka(settings: LocalSettings) -> list[Finding]:
    where = kafka_of(settings).bootstrap
    if not await listens(*parts_of(where)):
        return [Finding("Kafka", well=False, says=f"nothing listens at {where}", advice=START)]
    cluster = await cluster_that_answers(*parts_of(where))
    if cluster is None:
        says = f"what listens at {where} gives no metadata"
        return [Finding("Kafka", well=False, says=says, advice=f"read {settings.home / 'kafka'}, restart `guanxi up`")]
    return [Finding("Kafka", well=True, says=f"cluster {cluster} at {where}"), *await _topics(where)]


async def _topics(bootstrap: str) -> list[Finding]:
    try:
        async with asyncio.timeout(2 * SECONDS):
            amiss = await compare_topics(Cluster(kafka=bootstrap))
    except (ClusterAway, TimeoutError) as error:
        says = f"could not be listed ({type(error).__name__})"
        return [Finding("topics", well=False, says=says, advice="wait for Kafka, then look again")]
    if not amiss:
        return [Finding("topics", well=True, says=f"all {len(TOPICS)} as declared")]
    advice = (
        "run `guanxi topics apply`; numbers of partitions it leaves as they are (docs/runbook.md, Kafka lost records)"
    )
    return [Finding("topics", well=False, says=line, advice=advice) for line in amiss]
